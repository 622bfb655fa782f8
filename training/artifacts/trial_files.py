"""What a trial leaves for people, on disk and with the tracker: maps, curves, confusion matrices, tables, the spec."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from datasets.labels import chart
from training.artifacts.figures import confusion_figure, curves_figure, save_figure
from training.artifacts.model_export import export_model
from training.artifacts.reliability import reliability_figure
from training.evaluation.bins import ALL, PATCHES
from training.evaluation.metric_names import grid_label
from training.evaluation.result import TrialResult, scenes_csv
from training.evaluation.score_network import NetworkScores
from training.loop.checkpoint import Checkpoint
from training.loop.trainer import FitState
from training.spec import TrialSpec
from training.tracking.run_checkpoint import FOLDER
from training.tracking.tracker import Tracker

TrialFile = tuple[Path, str]
"""A file, and the folder of the tracker's record that it belongs in; "" is the top."""


def write_trial_files(
    folder: Path, spec: TrialSpec, result: TrialResult, found: NetworkScores, trained: FitState
) -> list[TrialFile]:
    """Writes what a person wants to see into the folder of a trial.

    Returns:
        All files for the tracker: also the maps of the scored scenes, which were drawn already, and the checkpoint.
    """
    of_trial = f"trial {spec.trial_id}, lake {spec.data.lake}"
    figures = {"curves": curves_figure(trained.history, trained.best_epoch, f"training of {of_trial}")}
    for key, matrix in found.scores.matrices.items():
        if key.bin.kind == ALL:
            title = f"{chart(key.chart).long_name}, all test scenes, {grid_label(key.grid)}, {of_trial}"
            unit = "patches" if key.grid == PATCHES else "px"
            figure = confusion_figure(matrix, chart(key.chart), title, unit=unit)
            figures[f"confusion_{key.grid}_{key.chart}"] = figure
    for name, own in found.calibration.items():
        title = f"{chart(name).long_name}, all test scenes, {of_trial}"
        figures[f"reliability_{name}"] = reliability_figure(own, chart(name), title)
    drawn = [save_figure(figure, folder / "figures" / f"{name}.png") for name, figure in figures.items()]
    by_chart = {name: own.model_dump() for name, own in found.calibration.items()}
    tables = {
        "calibration.json": json.dumps(by_chart),
        "result.json": result.model_dump_json(indent=1),
        "scores_per_scene.csv": scenes_csv(result.scenes),
    }
    for name, text in tables.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [
        *((path, "figures") for path in drawn),
        *((path, "maps") for path in found.scores.maps),
        (folder / "result.json", ""),
        (folder / "scores_per_scene.csv", ""),
        (folder / "calibration.json", ""),
        (Path(result.checkpoint), FOLDER),
    ]


def log_trial_files(tracker: Tracker, files: Iterable[TrialFile], best: Checkpoint) -> None:
    """Gives the files of a trial to its tracker, and the network of its best epoch if the tracker keeps models."""
    for path, place in files:
        tracker.log_file(path, place)
    if tracker.keeps_models:
        with tempfile.TemporaryDirectory(prefix="icebench-model-") as name:
            folder = export_model(
                best.model(),
                best.normalization,
                channels=best.spec.inputs,
                task=best.spec.data.task,
                patch_size=best.spec.data.patch_size,
                folder=Path(name) / "model",
            )
            tracker.log_model(folder)
