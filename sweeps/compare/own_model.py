"""A model of one's own, trained or read from a checkpoint, scored, and put next to baselines."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

from datasets.class_colours import Palette
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.process.checkout import git_commit
from sweeps.compare.comparison_page import PAGE, ComparePage, drawn_scenes, make_page
from sweeps.compare.entries import CompareError, OwnAndOthers, common_objective, compare_entries
from sweeps.compare.finished_runs import BASE_STUDY, best_baselines, named_baselines
from sweeps.record.lake_note import LakeNote
from sweeps.record.study import StudyTracker, TrialRow
from sweeps.report.evidence import FinishedTrial
from sweeps.report.page import write_files
from sweeps.report.read import small_maps
from training.artifacts.maps import map_drawer
from training.artifacts.small_maps import SmallMap, SmallMapError
from training.data.trial_scenes import bind, check_trained_on, select_scenes
from training.evaluation.result import TrialResult
from training.evaluation.score_checkpoint import score_checkpoint
from training.loop.epoch import TrainingProgress
from training.models import check_network
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.records import now_ms
from training.tracking.run_content import params_of
from training.tracking.server import public
from training.tracking.tracker import MemoryTracker, Tracker, lake_tags
from training.trial import run_trial

STUDY: Final = "own_models"
"""Study, and so experiment of MLflow, of models of one's own."""
_QUESTION: Final = "Do models of our own read sea-ice types better than the baselines?"

ProgressOf = Callable[[TrialSpec], AbstractContextManager[Callable[[TrainingProgress], None]]]
"""Shows the training of a trial while it lasts."""


def check_own(spec: TrialSpec, lake: Lake) -> TrialSpec:
    """Binds a spec to the lake; what can be wrong with one's own model shows here, before anything is started.

    Raises:
        SpecError: The class cannot be imported, takes other arguments or answers with another shape, or the spec does
            not fit the lake.
        SplitError: A split has no usable scene.
    """
    spec = bind(spec, lake)
    select_scenes(spec, lake)
    check_network(spec)
    return spec


def check_checkpoint(spec: TrialSpec, lake: Lake) -> TrialSpec:
    """What a checkpoint was trained for, without the weights that it started from; raises as `check_own` does."""
    check_trained_on(spec, lake)
    return check_own(spec.with_("model.pretrained", None), lake)


def find_others(
    names: Sequence[str], tracking_uri: str, spec: TrialSpec, lake: Lake
) -> tuple[list[FinishedTrial], list[str]]:
    """The baselines that were named by run or study, or the best of `base_model`; and sentences about what they are.

    Raises:
        CompareError: A name cannot be used (see `sweeps.compare.finished_runs`), or a trial cannot be compared with one
            of `spec`.
        TrackingError: The server is away.
    """
    if not tracking_uri:
        if names:
            raise CompareError(
                f"--against {names[0]!r} is looked up in MLflow: give its --tracking-uri (MLFLOW_TRACKING_URI) too"
            )
        return [], ["No MLflow was given (--tracking-uri), so there is no baseline."]
    if names:
        found, remarks = named_baselines(tracking_uri, names, lake.digest), []
    elif found := best_baselines(tracking_uri, lake.digest):
        remarks = [f"The baselines are the networks of {BASE_STUDY} with the best val F1 on this lake, one per task."]
    else:
        remarks = [
            f"The study {BASE_STUDY} has no finished trial on this lake, so there is no baseline: run it "
            f"(python -m sweeps run {BASE_STUDY}), or name others with --against."
        ]
    common_objective(params_of(spec), found)
    return found, remarks


@contextmanager
def open_study(tracking_uri: str, lake: Lake) -> Iterator[StudyTracker | None]:
    """The parent run of models of one's own on this lake, given up on an error; None without MLflow."""
    if not tracking_uri:
        yield None
        return
    study = StudyTracker.open(
        tracking_uri,
        study=STUDY,
        lake=lake.digest,
        recipe=lake.recipe_digest,
        question=_QUESTION,
        lake_note=LakeNote.of(lake.catalog()),
    )
    try:
        yield study
    except BaseException as error:
        study.finish_after_error("KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED")
        raise


def train_own(
    spec: TrialSpec,
    seeds: Iterable[int],
    lake: Lake,
    study: StudyTracker | None,
    *,
    runs: Path,
    workers: int = 0,
    cache: NodeCache | None = None,
    palette: Palette = "safe",
    progress: ProgressOf = lambda spec: nullcontext(lambda _: None),
) -> list[FinishedTrial]:
    """Trains and scores the model of `check_own` with each seed, as `python -m training run` does.

    A trial has its folder below `runs`, by its trial_id, and goes on from there if it was stopped. Without a `study`,
    the parent run, nothing is logged. `palette` are the colours of classes in maps of trials.
    """
    entries = []
    for seed in seeds:
        own = spec.with_("seed", seed)
        tracker: Tracker = MemoryTracker() if study is None else _tracker(study)
        started = now_ms()
        with progress(own) as show:
            result = run_trial(
                own,
                lake,
                tracker,
                folder=runs / own.trial_id,
                workers=workers,
                cache=cache,
                palette=palette,
                progress=show,
            )
        entries.append(_entry(own, result, lake, started, getattr(tracker, "run_id", "")))
    return entries


def score_own(
    checkpoint: Path,
    lake: Lake,
    study: StudyTracker | None,
    *,
    maps: Path,
    cache: NodeCache | None = None,
    palette: Palette = "safe",
) -> FinishedTrial:
    """Scores `best.pt` of a finished trial, or of its folder, and draws the test scenes into `maps` in a palette.

    Its run in MLflow has the kind `evaluation`, since nothing was trained; without a `study` there is none.
    """
    started = now_ms()
    spec, result = score_checkpoint(
        checkpoint, lake, drawer=lambda spec: map_drawer(spec, lake, maps, palette), cache=cache
    )
    run_id = ""
    if study is not None:
        tracker = _tracker(study)
        tracker.start(spec, {**lake_tags(lake, lake.catalog().split("test")), "kind": "evaluation"})
        tracker.log_metrics(result.metrics)
        with tempfile.TemporaryDirectory(prefix="icebench-evaluation-") as name:
            path = Path(name) / "result.json"
            path.write_text(result.model_dump_json(indent=1), encoding="utf-8")
            tracker.log_file(path)
        tracker.finish("FINISHED")
        run_id = tracker.run_id
    return _entry(spec, result, lake, started, run_id)


def write_comparison(
    own: Sequence[FinishedTrial],
    others: Sequence[FinishedTrial],
    remarks: Sequence[str],
    lake: Lake,
    study: StudyTracker | None,
    folder: Path,
) -> ComparePage:
    """Writes page, tables and figures into the folder, and puts them on the parent run too."""
    uri = public(study.tracking_uri) if study is not None else ""
    experiment = study.experiment_id if study is not None else ""
    found = compare_entries(
        own,
        others,
        lake=lake.digest,
        recipe=lake.recipe_digest,
        uri=uri,
        experiment_id=experiment,
        lake_note=LakeNote.of(lake.catalog()),
    )
    page = make_page(found, remarks=remarks, maps=_maps(found, own, uri, folder))
    write_files(folder, page.texts, page.pictures)
    if study is not None:
        with tempfile.TemporaryDirectory(prefix="icebench-comparison-") as name:  # without the maps of the folder
            write_files(Path(name), page.texts, page.pictures)
            study.log_folder(Path(name), f"comparisons/{own[0].row.trial_id}")
        study.finish("FINISHED")
    return page


def _maps(found: OwnAndOthers, own: Sequence[FinishedTrial], uri: str, folder: Path) -> dict[tuple[str, str], SmallMap]:
    """Small maps of the drawn scenes: one's own from beside the checkpoint or from `folder`, others' from MLflow."""
    files = [file for choice in drawn_scenes(found) for file in choice.files]
    mine = {entry.row.run_id: Path(entry.result.checkpoint).parent for entry in own if entry.result is not None}
    maps = small_maps(uri, [file for file in files if file[0] not in mine]) if uri else {}
    for run_id, name in files:
        places = [where / name for where in (mine[run_id], folder)] if run_id in mine else []
        for path in [path for path in places if path.is_file()][:1]:
            with suppress(SmallMapError):
                maps[run_id, name] = SmallMap.parse(path.read_bytes())
    return maps


def refuse_existing(folder: Path) -> None:
    """Raises CompareError where a comparison is there already."""
    if (folder / PAGE).exists():
        raise CompareError(
            f"{str(folder / PAGE)!r} exists: give another --out, or --overwrite to replace the comparison in it"
        )


def _tracker(study: StudyTracker) -> MlflowTracker:
    return MlflowTracker(study.tracking_uri, study.study, study.run_id)


def _entry(spec: TrialSpec, result: TrialResult, lake: Lake, started: int, run_id: str) -> FinishedTrial:
    row = TrialRow(
        trial_id=spec.trial_id,
        run_id=run_id or f"not in MLflow: {result.checkpoint}",
        status="FINISHED",
        started=started,
        ended=now_ms(),
        params=params_of(spec),
        tags={"seed": str(spec.seed), "git_commit": git_commit(), "lake": lake.digest},
        metrics=result.metrics,
    )
    return FinishedTrial(key=(), row=row, result=result)
