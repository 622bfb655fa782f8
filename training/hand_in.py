"""What a trial leaves for people: maps, curves, confusion matrices, spec and result, on disk and with the tracker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from datasets.grids import pixel_spacing
from datasets.labels import chart
from datasets.lake import Lake
from training.confusion import ConfusionMatrix
from training.evaluate import SceneScore, grid_names
from training.figures import confusion_figure, curves_figure, map_figure, save_figure
from training.loop import FitResult
from training.result import TrialResult
from training.spec import TrialSpec
from training.tracker import Tracker

SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")


def draw_map(score: SceneScore, spec: TrialSpec, lake: Lake, folder: Path) -> Path:
    """Draws SAR, chart, prediction and errors of one scored test scene; returns the picture's path."""
    ratio, record = spec.data.ratio, score.record
    scene = lake.scene(record.scene_id)
    hh, hv = (scene.window(ratio, name, slice(None), slice(None)).astype(np.float32) for name in SAR)
    where = ", ".join(filter(None, (record.region, record.location, record.season, record.cryoseason)))
    figure = map_figure(
        hh,
        hv,
        score.truth,
        score.predicted,
        chart(spec.data.primary),
        spacing_m=pixel_spacing(ratio),
        title=f"{record.scene_id} ({where}), {pixel_spacing(ratio)} m, trial {spec.trial_id}",
    )
    return save_figure(figure, folder / f"{record.scene_id}.png")


def hand_in(
    tracker: Tracker,
    folder: Path,
    result: TrialResult,
    spec: TrialSpec,
    sums: Mapping[str, ConfusionMatrix],
    trained: FitResult,
    maps: list[Path],
) -> None:
    """Writes what a person wants to see into the folder, and gives all files to the tracker."""
    target = chart(spec.data.primary)
    figures = [
        save_figure(
            curves_figure(trained.history, trained.best_epoch, f"training of trial {spec.trial_id}"),
            folder / "figures" / "curves.png",
        )
    ]
    for grid in grid_names(spec):
        title = f"{target.long_name}, all test scenes, grid {grid}, trial {spec.trial_id}"
        figure = confusion_figure(sums[f"{grid}/all"], target, title)
        figures.append(save_figure(figure, folder / "figures" / f"confusion_{grid}.png"))
    (folder / "spec.yaml").write_text(spec.to_yaml(), encoding="utf-8")
    (folder / "result.json").write_text(result.model_dump_json(indent=1), encoding="utf-8")
    for path in figures:
        tracker.log_file(path, "figures")
    for path in maps:
        tracker.log_file(path, "maps")
    tracker.log_file(folder / "result.json")
    tracker.log_file(Path(result.checkpoint), "checkpoint")
