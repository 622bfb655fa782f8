"""What a trial leaves for people, on disk and with the tracker: maps, curves, confusion matrices, tables, the spec."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets.labels import chart
from training.artifacts.figures import confusion_figure, curves_figure, save_figure
from training.evaluation.bins import ALL, PATCHES, ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.result import TrialResult, scenes_csv
from training.loop.checkpoint import Checkpoint
from training.loop.trainer import FitState
from training.spec import TrialSpec
from training.tracking.model_export import export_model
from training.tracking.tracker import Tracker


def hand_in(
    tracker: Tracker,
    folder: Path,
    *,
    result: TrialResult,
    spec: TrialSpec,
    sums: Mapping[ScoreKey, ConfusionMatrix],
    trained: FitState,
    maps: Sequence[Path],
    best: Checkpoint,
) -> None:
    """Writes what a person wants to see into the folder, and gives all files to the tracker.

    Args:
        tracker: Of the trial.
        folder: Of the trial.
        result: What the trial gave.
        spec: Of the trial.
        sums: Confusion matrices of the bins.
        trained: The course of the training.
        maps: Pictures that were drawn already.
        best: The kept weights.
    """
    figures = [
        save_figure(
            curves_figure(trained.history, trained.best_epoch, f"training of trial {spec.trial_id}"),
            folder / "figures" / "curves.png",
        )
    ]
    for key, matrix in sums.items():
        if key.bin.kind == ALL:
            title = f"{chart(key.chart).long_name}, all test scenes, grid {key.grid}, trial {spec.trial_id}"
            unit = "patches" if key.grid == PATCHES else "px"
            figure = confusion_figure(matrix, chart(key.chart), title, unit=unit)
            figures.append(save_figure(figure, folder / "figures" / f"confusion_{key.grid}_{key.chart}.png"))
    tables = {
        "spec.yaml": spec.to_yaml(),
        "result.json": result.model_dump_json(indent=1),
        "scores_per_scene.csv": scenes_csv(result.scenes),
    }
    for name, text in tables.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in figures:
        tracker.log_file(path, "figures")
    for path in maps:
        tracker.log_file(path, "maps")
    tracker.log_file(folder / "result.json")
    tracker.log_file(folder / "scores_per_scene.csv")
    tracker.log_file(Path(result.checkpoint), "checkpoint")
    if tracker.keeps_models:
        with tempfile.TemporaryDirectory(prefix="icebench-model-") as name:
            tracker.log_model(
                export_model(
                    best.model(),
                    best.normalization,
                    channels=spec.data.channels,
                    task=spec.data.task,
                    patch_size=spec.data.patch_size,
                    folder=Path(name) / "model",
                )
            )
