"""What a trial leaves for people, on disk and with the tracker: maps, curves, confusion matrices, tables, the spec."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from datasets.grids import pixel_spacing
from datasets.labels import chart
from datasets.lake import Lake
from training.checkpoint import Checkpoint
from training.evaluation.bins import ALL, split_key
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.evaluate import PATCHES, SceneScore
from training.figures import Backscatter, confusion_figure, curves_figure, map_figure, save_figure
from training.loop import FitState
from training.result import TrialResult, scenes_csv
from training.spec import TrialSpec
from training.tracking.model_export import export_model
from training.tracking.tracker import Tracker

SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")

_DRAWN: Final = 500
"""Lines or samples that a map of SAR needs at least; what is finer cannot be seen in it."""


def has_sar(lake: Lake, ratio: int) -> bool:
    """Whether maps can be drawn."""
    return set(SAR) <= set(lake.moments(f"r{ratio}"))


def draw_maps(score: SceneScore, spec: TrialSpec, lake: Lake, folder: Path) -> list[Path]:
    """Draws SAR, chart, prediction and errors of one scored test scene, one picture a target; returns their paths.

    SAR is read at the coarsest ratio that still fills the picture: means over its pixels show less speckle than single
    ones, and a fraction is read.
    """
    ratio, record = spec.data.ratio, score.record
    scene = lake.scene(record.scene_id)
    coarse = max((each for each in lake.ratios if each >= ratio and max(scene.shape(each)) >= _DRAWN), default=ratio)
    bands = scene.whole(coarse, SAR)
    hh, hv = (
        Backscatter(values=bands[name].astype(np.float32, copy=False), spacing_m=pixel_spacing(coarse)) for name in SAR
    )
    where = ", ".join(filter(None, (record.region, record.location, record.season, record.cryoseason)))
    paths = []
    for name in spec.data.targets:
        figure = map_figure(
            hh,
            hv,
            score.truth[name],
            score.predicted[name],
            chart(name),
            spacing_m=pixel_spacing(ratio),
            title=f"{record.scene_id} ({where}), {pixel_spacing(ratio)} m, trial {spec.trial_id}",
        )
        paths.append(save_figure(figure, folder / f"{record.scene_id}_{name}.png"))
    return paths


def hand_in(
    tracker: Tracker,
    folder: Path,
    *,
    result: TrialResult,
    spec: TrialSpec,
    sums: Mapping[str, ConfusionMatrix],
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
        sums: Confusion matrices by `<grid>/<chart>/<bin>`.
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
        grid, name, bin_name = split_key(key)
        if bin_name == ALL:
            title = f"{chart(name).long_name}, all test scenes, grid {grid}, trial {spec.trial_id}"
            unit = "patches" if grid == PATCHES else "px"
            figure = confusion_figure(matrix, chart(name), title, unit=unit)
            figures.append(save_figure(figure, folder / "figures" / f"confusion_{grid}_{name}.png"))
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
