"""`python -m sweeps compare`: a model of one's own next to baselines.

Heavy imports (torch, matplotlib, mlflow) are inside the command.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from datasets.class_colours import PALETTES, check_palette
from datasets.errors import unknown_name
from datasets.lake import Lake
from datasets.lake_argument import LAKE
from datasets.loading.workers import loader_workers
from datasets.process.folders import folder_for
from datasets.process.machine import usable_cores
from datasets.process.terminal import print_whole, user_errors
from sweeps.design.experiment import SEEDS
from sweeps.report.terminal import say, terminal_table, warn
from training.spec import SpecError, TrialSpec
from training.spec.protocols import PROTOCOLS
from training.spec.trial_spec import parse_changes

_MODES: Final = ("train", "evaluate")


def compare(
    lake: Annotated[str, typer.Option(help="The lake of all models that are compared.", envvar=LAKE)],
    model: Annotated[
        str,
        typer.Option(
            help="Your network: package.module:Class, called with in_channels, n_outputs and --params; importable from "
            "this folder.",
            metavar="MODULE:CLASS",
        ),
    ] = "",
    params: Annotated[
        str, typer.Option(help="Arguments of the class as JSON, such as '{\"width\": 32}'.", metavar="JSON")
    ] = "{}",
    task: Annotated[str, typer.Option(help="pixel (a class for every pixel) or patch (one for a whole patch).")] = "",
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="A run of MLflow or a study to compare with, as often as needed; without it the best networks of the "
            "study base_model on this lake.",
            metavar="RUN|STUDY",
        ),
    ] = None,
    mode: Annotated[
        str, typer.Option(help="train (and score), or evaluate: score a --checkpoint that was trained before.")
    ] = "train",
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="With --mode evaluate: best.pt of a trial, or its folder.", metavar="FILE|FOLDER"),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trainings, each with another seed.", min=1)] = SEEDS,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change one setting of the published protocol, as often as needed: --set data.ratio=5. The page says "
            "what differs from a baseline.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    tracking_uri: Annotated[
        str,
        typer.Option(
            help="MLflow, for baselines and to log to: sqlite:///PATH/mlflow.db or http://HOST:5000.",
            envvar="MLFLOW_TRACKING_URI",
            metavar="URI",
        ),
    ] = "",
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="For page, tables, figures; without it results/compare/MODEL-TASK.", metavar="DIR"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a comparison that is there.")] = False,
    runs: Annotated[
        Path, typer.Option(help="Each training has its folder here; one that was stopped goes on from it.")
    ] = Path("runs"),
    workers: Annotated[
        int | None, typer.Option(help="Processes that load patches; without: one less than CPUs, at most 8.", min=0)
    ] = None,
    colours: Annotated[
        str,
        typer.Option(
            help="Colours of classes in maps of trials: safe for every kind of colour vision, or wmo, those of ice "
            "charts. The page itself has safe ones.",
            metavar="|".join(PALETTES),
        ),
    ] = "safe",
) -> None:
    """Train and score your own model by the protocol of the benchmark, and put it next to baselines.

    Example: python -m sweeps compare --model my_models:TinyNet --task pixel --lake data/lake

    docs/models.md has a model in 30 lines and says how to read the page.
    """
    with user_errors():
        if mode not in _MODES:
            raise unknown_name("mode", mode, _MODES)
        palette = check_palette(colours)
        if mode == "evaluate":
            own = _checkpoint_spec(checkpoint, model, {"--task": task, "--set": set_, "--params": params != "{}"})
        else:
            own = own_spec(model, params, task, set_ or [])
            if checkpoint is not None:
                raise SpecError("--checkpoint is for --mode evaluate: leave it out to train, or give the mode")
        from datasets.loading.node_cache import NodeCache
        from sweeps.compare import own_model as running
        from sweeps.compare.comparison_page import PAGE
        from training.progress_bar import progress_bar

        opened, cache = Lake.open(lake), NodeCache.default()
        name = f"{own.model.name.replace(':', '.')}-{own.data.task}"
        folder = folder_for(out_folder or Path("results/compare") / name)
        folder_for(runs)
        if not overwrite:
            running.refuse_existing(folder)
        own = (running.check_own if checkpoint is None else running.check_checkpoint)(own, opened)
        others, remarks = running.find_others(against or [], tracking_uri, own, opened)
        warn(remarks)
        with running.open_study(tracking_uri, opened) as study:
            if checkpoint is not None:
                maps = folder / "maps"
                entries = [running.score_own(checkpoint, opened, study, maps=maps, cache=cache, palette=palette)]
            else:
                entries = running.train_own(
                    own,
                    range(own.seed, own.seed + seeds),
                    opened,
                    study,
                    runs=runs,
                    workers=workers if workers is not None else loader_workers(usable_cores()),
                    cache=cache,
                    palette=palette,
                    progress=lambda trial: progress_bar(trial.loop.max_epochs),
                )
            page = running.write_comparison(entries, others, remarks, opened, study, folder)
    print_whole(terminal_table(page.scores), wrapped=True)
    say(*page.answers)
    warn(page.warnings)
    say(f"comparison: {folder / PAGE}")


def own_spec(model: str, params: str, task: str, changes: Sequence[str]) -> TrialSpec:
    """The published trial of a task with one's own network in it, from random weights.

    Raises:
        SpecError: No model, parameters that are no JSON object, or a change that is not allowed.
        UnknownNameError: The task is none.
    """
    if not model:
        raise SpecError("no --model was given: name your class as package.module:Class")
    if task not in PROTOCOLS:
        raise unknown_name("--task", task, PROTOCOLS)
    try:
        arguments: Any = json.loads(params)
    except json.JSONDecodeError as error:
        raise SpecError(
            f"--params {params!r} is no JSON ({error.msg}): write for example '{{\"width\": 32}}'"
        ) from error
    if not isinstance(arguments, dict):
        raise SpecError(f"--params {params!r} is no JSON object: write arguments by name, '{{\"width\": 32}}'")
    network = {"model.name": model, "model.params": arguments, "model.pretrained": None}
    return PROTOCOLS[task].with_all(network).with_all(parse_changes(changes))  # type: ignore[index]


def _checkpoint_spec(checkpoint: Path | None, model: str, given: Mapping[str, object]) -> TrialSpec:
    """What a checkpoint was trained for; `given` are options only for training."""
    from training.loop.checkpoint import load_checkpoint
    from training.loop.checkpoint_files import checkpoint_file

    if checkpoint is None:
        raise SpecError("--mode evaluate needs a --checkpoint: give best.pt of a trial, or its folder")
    for name, value in given.items():
        if value:
            raise SpecError(f"{name} is for --mode train: a checkpoint says itself what it was trained for")
    spec = load_checkpoint(checkpoint_file(checkpoint)).spec
    if model and model != spec.model.name:
        raise SpecError(
            f"the checkpoint is of {spec.model.name} and --model is {model}: leave --model out, or give its own "
            "checkpoint"
        )
    return spec
