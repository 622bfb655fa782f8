"""The one command line that every study has, and the campaign of all of them."""

import os
from collections.abc import Sequence

import typer

from datasets.lake_argument import LAKE
from datasets.process.terminal import CommandLine, err, user_errors
from sweeps.design.experiment import Experiment, ExperimentError
from sweeps.launch import options
from sweeps.launch.placement import Placement
from sweeps.launch.strategy import Strategy, parse_strategy
from sweeps.record.tracking_option import USUAL_DATABASE, USUAL_TRACKING, TrackingUri


def main(experiment: Experiment) -> None:
    """Runs the study from the command line; exits with 1 if a trial failed, 2 if nothing could start."""
    application({experiment.name: experiment}, f"Study '{experiment.name}': {experiment.question}")()


def application(experiments: dict[str, Experiment], title: str) -> typer.Typer:
    """The command of one study, or of several that run one after the other."""
    app = CommandLine()

    @app.command(help=f"{title}\n\nFinished trials are never run again. See docs/studies.md.")
    def run(
        lake: options.Lakes = None,
        tracking_uri: TrackingUri = "",
        storage: options.Storage = "",
        task: options.Task = "both",
        only: options.Only = None,
        seeds: options.Seeds = None,
        max_concurrent: options.MaxConcurrent = None,
        gpus_per_trial: options.Gpus = None,
        cpus_per_trial: options.Cpus = 1.0,
        search: options.Search = "grid",
        scheduler: options.Scheduler = "none",
        resume: options.Resume = True,
        rerun_failed: options.RerunFailed = False,
        maps: options.Maps = None,
        smoke: options.Smoke = False,
        dry_run: options.DryRun = False,
        measure: options.Measure = False,
    ) -> None:
        with user_errors():
            strategy = parse_strategy(search, scheduler)
            if strategy.needs_scores and only:
                raise ExperimentError("--search optuna chooses the values itself: leave --only out, or use random")
            drawing = [each.drawing(maps) if maps else each for each in _with_scores(experiments, strategy)]
            chosen = [_shaped(each, task, seeds, smoke, strategy) for each in drawing]
            parts = [whole.of_task(task).only(only or []) for whole in chosen]
            if measure and not dry_run:
                raise ExperimentError("--measure tells what a dry run cannot know: give it with --dry-run")
            place = options.storage_of(storage)
            if dry_run:
                from sweeps.launch.dry_run import ask, show  # the tracking server and the lake: not for --help

                known = ask(*_places_to_ask(tracking_uri, lake or []))
                show(parts, known, place, max_concurrent, count=strategy.count, measured=measure)
                return
            placement = Placement.of_trial(
                cpus=cpus_per_trial,
                gpus=gpus_per_trial,
                max_concurrent=max_concurrent,
                storage=place,
            )
            from sweeps.launch.campaign import run_campaign  # Ray, MLflow, zarr: not for --help and --dry-run
            from sweeps.launch.study_run import Request

            request = Request(
                lake_urls=options.lakes_of(lake),
                tracking_uri=tracking_uri or USUAL_TRACKING,
                placement=placement,
                strategy=strategy,
                resume=resume,
                failed_only=rerun_failed,
            )
            failed = run_campaign(list(zip(chosen, parts, strict=True)), request)
        if failed:
            raise typer.Exit(1)

    return app


def _with_scores(experiments: dict[str, Experiment], strategy: Strategy) -> list[Experiment]:
    """The studies that the strategy can be used for; the others are named, or refused where there is nothing else."""
    kept = [each for each in experiments.values() if not (strategy.needs_scores and each.trained_by)]
    dropped = [name for name, each in experiments.items() if each not in kept]
    if not kept:
        raise ExperimentError(
            f"--search optuna goes by the val scores of trainings, and {', '.join(dropped)} trains nothing: leave them "
            "out"
        )
    for name in dropped:
        err.print(f"study {name} trains nothing that could be searched, and is left out", highlight=False)
    return kept


def _shaped(
    experiment: Experiment, task: options.TaskWord, seeds: int | None, smoke: bool, strategy: Strategy
) -> Experiment:
    """The whole study, also where only a part of it runs now: its record covers the rest too."""
    whole = experiment.smaller() if smoke else experiment
    whole = whole.with_seeds(seeds) if seeds else whole
    return strategy.shaped(whole, task)


def _places_to_ask(tracking_uri: str, lakes: Sequence[str]) -> tuple[str, str]:
    """Tracking server and lake of a dry run: those that are given, and the usual ones only where they are there."""
    usual = USUAL_TRACKING if USUAL_DATABASE.is_file() else ""
    given = next(iter(lakes), "") or os.environ.get(LAKE, "")
    return tracking_uri or usual, given or (str(options.USUAL_LAKE) if options.USUAL_LAKE.is_dir() else "")
