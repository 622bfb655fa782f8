"""Maps of scored test scenes: SAR, chart, prediction and errors side by side."""

from pathlib import Path
from typing import Final

import numpy as np

from datasets.grids import pixel_spacing
from datasets.labels import chart
from datasets.lake import Lake
from training.artifacts.figures import Backscatter, map_figure, save_figure
from training.artifacts.small_maps import small_map
from training.evaluation.score_scenes import SceneScore
from training.evaluation.score_trial import Draw, draw_nothing
from training.spec import TrialSpec

_SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")

_DRAWN: Final = 500
"""Lines or samples that a map of SAR needs at least; a finer grid would not be visible."""


def map_drawer(spec: TrialSpec, lake: Lake, folder: Path) -> Draw:
    """Draws the maps of each scored scene into a folder; nothing where the lake has no SAR at the trial's ratio."""
    if not set(_SAR) <= set(lake.moments(f"r{spec.data.ratio}")):
        return draw_nothing
    return lambda score: draw_maps(score, spec, lake, folder)


def draw_maps(score: SceneScore, spec: TrialSpec, lake: Lake, folder: Path) -> list[Path]:
    """Draws SAR, chart, prediction and errors of one scored test scene, one picture per target; returns their paths.

    Its small maps, from which reports draw, are one more file.

    SAR is read at the coarsest ratio that still fills the picture: means over its pixels show less speckle than single
    ones, and fewer bytes are read.
    """
    ratio, record = spec.data.ratio, score.record
    scene = lake.scene(record.scene_id)
    coarse = max((each for each in lake.ratios if each >= ratio and max(scene.shape(each)) >= _DRAWN), default=ratio)
    zones = ("distance_map",) if "distance_map" in lake.moments(f"r{coarse}") else ()
    bands = scene.whole(coarse, (*_SAR, *zones))
    hh, hv = (
        Backscatter(values=bands[name].astype(np.float32, copy=False), spacing_m=pixel_spacing(coarse)) for name in _SAR
    )
    small = small_map(
        scene,
        ratio=ratio,
        sar_ratio=coarse,
        sar=hh.values,
        zones=bands.get("distance_map"),  # type: ignore[arg-type]
        charts=score.truth,
        predicted=score.predicted,
    )
    paths = [small.write(folder)]
    for name in spec.data.targets:
        figure = map_figure(
            hh,
            hv,
            score.truth[name],
            score.predicted[name],
            chart(name),
            spacing_m=pixel_spacing(ratio),
            title=f"{record.scene_id} ({small.words}), {pixel_spacing(ratio)} m, trial {spec.trial_id}",
        )
        paths.append(save_figure(figure, folder / f"{record.scene_id}_{name}.png"))
    return paths
