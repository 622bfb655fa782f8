"""Studies in a real MLflow store, as their trackers leave them: for the tests of reports."""

from pathlib import Path

from sweeps.record.design import StudyDesign
from sweeps.record.study import StudyTracker
from tests.invented_maps import invented_map
from tests.invented_studies import result, scenes
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker

QUALITY = {2: 0.8, 10: 0.5}


SPEC = TrialSpec()


def open_study(uri: str, name: str = "downscale", lake: str = "lake1", *, with_design: bool = True) -> StudyTracker:
    design = StudyDesign(
        question="Does it?",
        objective="test_80m/f1",
        axes={"data.ratio": ("2", "10")},
        seeds=(0, 1),
        trials=4,
        bins=("winter", "cat4"),
    )
    return StudyTracker.open(
        uri, study=name, lake=lake, recipe="r", question="Does it?", design=design if with_design else None
    )


def attempt(study: StudyTracker, folder: Path, ratio: int, seed: int, status: str = "FINISHED") -> None:
    """What the tracker of a trial hears; seed 1 leaves no small maps, as a trial of an earlier program."""
    spec = SPEC.with_all({"data.ratio": ratio, "seed": seed})
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id)
    tracker.start(spec, {"axis.data.ratio": str(ratio)})
    if status == "FINISHED":
        found = result(scenes(12), QUALITY[ratio] + 0.01 * seed, seed, trial_id=spec.trial_id)
        tracker.log_metrics(found.metrics)
        (folder / "result.json").write_text(found.model_dump_json())
        tracker.log_file(folder / "result.json")
        for record in scenes(12) if seed == 0 else ():
            tracker.log_file(invented_map(record.scene_id, ratio).write(folder / "maps"), "maps")
    else:
        tracker.log_text("Traceback ...\nNonFiniteLossError: the loss is nan in epoch 3\n", "error.txt")
    tracker.finish(status)  # type: ignore[arg-type]


FILES = {"report.html", "table.csv", "table.md", "table.tex", "differences.csv", "bins.csv", "trials.csv", "figures"}
"""Of a report with bins, in its folder."""
