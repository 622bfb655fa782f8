"""Maps of scored test scenes: SAR, chart, prediction and errors side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datasets.block_reduction import block_mean, block_mode, block_side
from datasets.channels import CHANNELS
from datasets.class_colours import NO_PREDICTION, RIGHT, UNCLASSED, WRONG, Palette
from datasets.grids import pixel_spacing
from datasets.labels import IGNORE, Chart, chart
from datasets.lake import Lake
from datasets.loading.windows import land_pixels
from datasets.map_frame import MapFrame
from datasets.map_panels import Kinds, Panel, Shades, Swatch, class_legend, class_swatches, unclassed_swatches
from datasets.picture_sheet import draw_sheet
from datasets.pictures import ZONES, heading, with_reasons
from training.artifacts.figures import save_figure
from training.artifacts.small_maps import small_map
from training.evaluation.score_network import Draw, draw_nothing
from training.evaluation.score_scenes import SceneScore
from training.spec import TrialSpec

_SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")

_NEEDED: Final = 500
"""Lines or samples that a map needs at least; a finer grid would not be visible."""

_MOST: Final = 600
"""Longest side of a map in pixels."""

_RIGHT: Final = Swatch(name="right", colour=RIGHT)
_WRONG: Final = Swatch(name="wrong", colour=WRONG)


def map_drawer(spec: TrialSpec, lake: Lake, folder: Path, palette: Palette = "safe") -> Draw:
    """Draws what `evaluation.maps` says of each scored scene into a folder; nothing without SAR at its ratio."""
    if spec.evaluation.maps == "none" or not set(_SAR) <= set(lake.moments(f"r{spec.data.ratio}")):
        return draw_nothing
    return lambda score: draw_maps(score, spec, lake, folder, palette)


def draw_maps(score: SceneScore, spec: TrialSpec, lake: Lake, folder: Path, palette: Palette = "safe") -> list[Path]:
    """Draws SAR, chart, prediction and errors of one scored test scene, one picture per target; returns their paths.

    Its small maps, from which reports draw, are one more file; the only one where `evaluation.maps` is `small`.

    SAR is read at the coarsest ratio that still fills the picture: means over its pixels show less speckle than single
    ones, and fewer bytes are read.
    """
    ratio, record = spec.data.ratio, score.record
    scene = lake.scene(record.scene_id)
    coarse = max((each for each in lake.ratios if each >= ratio and max(scene.shape(each)) >= _NEEDED), default=ratio)
    ground = scene.whole(coarse, [*_SAR, *([ZONES] if ZONES in lake.moments(f"r{coarse}") else [])])
    frame = MapFrame.of_scene(scene, ratio)
    small = small_map(scene, ground, ratio=ratio, ground_ratio=coarse, charts=score.truth, predicted=score.predicted)
    title = (
        f"{heading(record)}\n"
        f"trial {spec.trial_id} · lake {lake.digest} · {pixel_spacing(ratio)} m pixels · {frame.orientation.words}"
    )
    paths = [small.write(folder)]
    for name in spec.data.targets if spec.evaluation.maps == "all" else ():
        figure = map_figure(
            frame,
            ground,
            score.truth[name],
            score.predicted[name],
            chart(name),
            sar_spacing_m=pixel_spacing(coarse),
            title=title,
            palette=palette,
        )
        paths.append(save_figure(figure, folder / f"{record.scene_id}_{name}.png"))
    return paths


def map_figure(
    frame: MapFrame,
    ground: Mapping[str, NDArray[np.generic]],
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    of_chart: Chart,
    *,
    sar_spacing_m: float,
    title: str,
    palette: Palette = "safe",
) -> Figure:
    """Draws one scene: HH, HV, chart, prediction and where they differ.

    Args:
        frame: Of the grid of `truth`.
        ground: HH and HV in dB with NaN for no data, and `distance_map` where it is known; (h, w), of the same ratio or
            a coarser one.
        truth: (H, W) classes of the chart, 255 = no label.
        predicted: (H, W) predicted classes, 255 = none.
        of_chart: The chart.
        sar_spacing_m: Metres between the pixels of `ground`.
        title: Above all.
        palette: Colours of the classes.
    """
    labelled = truth != IGNORE
    known = int(np.count_nonzero(labelled))
    differ = int(np.count_nonzero(labelled & (truth != predicted)))
    share = f"{differ / known:.1%} wrong" if known else "no labelled pixel"
    side = block_side(truth.shape, _MOST)
    spacing = frame.spacing_m * side
    right = np.where(labelled, (truth != predicted).astype(np.uint8), np.uint8(IGNORE))
    truth, found, right = (block_mode(each, side) for each in (truth, predicted, right))
    radar, land = _at(ground, truth.shape, spacing, sar_spacing_m)
    codes = with_reasons(truth, land, radar)
    # Networks answer everywhere; on land and without SAR nobody asked.
    shown = with_reasons(np.where(~radar | land, np.uint8(IGNORE), found), land, radar)
    shown[shown == IGNORE] = NO_PREDICTION.code
    differences = with_reasons(right, land, radar)

    swatches = class_swatches(of_chart, palette)
    apart = {0: _RIGHT, 1: _WRONG} | unclassed_swatches(palette)
    panels: list[Panel] = []
    for name in _SAR:
        channel = CHANNELS[name]
        values = ground[name].astype(np.float32, copy=False)
        blocks = block_side(values.shape, _MOST)
        panels.append(
            Shades(
                title=channel.long_name,
                values=block_mean(values, blocks),
                spacing_m=sar_spacing_m * blocks,
                limits=channel.limits,
                units=channel.units,
            )
        )
    panels += [
        Kinds(title=f"{of_chart.name} chart", values=codes, spacing_m=spacing, swatches=swatches),
        Kinds(title=f"{of_chart.name} predicted", values=shown, spacing_m=spacing, swatches=swatches),
        Kinds(title=f"difference ({share})", values=differences, spacing_m=spacing, swatches=apart),
    ]
    there = [each.code for each in UNCLASSED if (codes == each.code).any() or (shown == each.code).any()]
    legend = class_legend(of_chart, palette, there)
    return draw_sheet(frame, panels, columns=5, title=title, legend=[*legend, _RIGHT, _WRONG], area=8.5)


def _at(
    ground: Mapping[str, NDArray[np.generic]], shape: tuple[int, ...], spacing: float, sar_spacing_m: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where there is SAR and where there is land, at the middle of pixels of another size."""
    radar = np.isfinite(ground[_SAR[0]].astype(np.float32, copy=False))
    lines, samples = (
        np.minimum(((np.arange(size) + 0.5) * spacing / sar_spacing_m).astype(np.intp), last - 1)
        for size, last in zip(shape, radar.shape, strict=True)
    )
    there = np.ix_(lines, samples)
    if ZONES not in ground:
        return radar[there], np.zeros(shape, bool)
    return radar[there], land_pixels(ground[ZONES][there].astype(np.float32, copy=False))
