"""Maps of test scenes in a report: SAR, chart, what the reference and the best cell foretell, and who is right."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from datasets.class_colours import NO_PREDICTION, NO_SAR, ONLY_FIRST, ONLY_SECOND, RIGHT, UNCLASSED, WRONG
from datasets.labels import IGNORE, chart
from datasets.map_frame import draw_north_arrow, draw_scale_bar
from datasets.map_panels import Swatch, class_legend, class_swatches, legend_handles, paint, unclassed_swatches
from datasets.pictures import with_reasons
from sweeps.report.cells import CellComparison
from sweeps.report.drawing import Drawn, add_title, pictures
from sweeps.report.map_choice import DrawnScene, MapChoice
from sweeps.report.page import Section
from sweeps.report.wording import TASK_AXES, cell_label, percent
from training.artifacts.figures import wrapped
from training.artifacts.small_maps import SmallMap

_WIDTH: Final = 11.0
"""Inches: as wide as a page at 150 dots per inch."""


def map_figures(
    choice: MapChoice, maps: Mapping[tuple[str, str], SmallMap], names: Sequence[str], name: str, title: str
) -> list[Drawn]:
    """The scenes of a choice that have maps, a row for each; none where no scene has.

    `maps` are by run and artifact; `names` are the cells in words, as many as the choice has.
    """
    rows = [(scene, found) for scene in choice.scenes if (found := choice.maps_of(scene, maps))]
    if not rows:
        return []
    columns = 3 + len(choice.trials)
    side = _WIDTH / columns
    sizes = [_size_km(found[0]) for _, found in rows]
    tall = [min(max(height / width, 0.5), 1.6) for width, height in sizes]
    figure = Figure(figsize=(_WIDTH, 0.95 * side * sum(tall) + 0.4 * len(rows) + 1.0), layout="constrained")
    add_title(figure, title)
    panels = figure.subplots(len(rows), columns, squeeze=False, height_ratios=tall)
    there = {
        code
        for (scene, found), line in zip(rows, panels, strict=True)
        for code in _draw_row(line, scene, found, choice)
    }
    titles = ["SAR, HH", f"{choice.chart} chart"]
    titles += [f"{role}: {words}" for role, words in zip(choice.roles, names, strict=True)]
    for panel, text in zip(panels[0], [*titles, "who is right" if len(names) > 1 else "right or wrong"], strict=True):
        panel.set_title(wrapped(text, 30), fontsize=9)
    _legend(figure, choice, there)
    return [Drawn(name=name, caption=_caption(choice, rows, names), figure=figure)]


def maps_section(
    comparison: CellComparison, choices: Sequence[MapChoice], maps: Mapping[tuple[str, str], SmallMap]
) -> Section | None:
    """The maps of choices, by run and artifact, and what is missing; None without a choice."""
    if not choices:
        return None
    drawn, notes = [], []
    for choice in choices:
        names = [cell_label(comparison.evidence.axes, key, TASK_AXES) for key in choice.cells]
        end = f"_{choice.task.partition('-')[0]}" if len(choices) > 1 else ""
        found = map_figures(choice, maps, names, f"maps{end}", choice.task if len(choices) > 1 else "")
        drawn += found
        without = [scene.scene_id for scene in choice.scenes if not choice.maps_of(scene, maps)]
        if without:
            of_task = f" ({choice.task})" if len(choices) > 1 else ""
            notes.append(
                f"There {'are no maps' if not found else 'is no map'} of {', '.join(without)}{of_task}: trials of "
                "earlier programs, or with --maps none, left none for reports; those of others could not be read."
            )
    return Section(anchor="maps", title="Maps", sentences=tuple(notes), pictures=pictures(drawn))


def _verdicts(choice: MapChoice) -> dict[int, Swatch]:
    """Who is right, by the numbers of a row."""
    if len(choice.roles) == 1:
        return {0: Swatch(name="right", colour=RIGHT), 1: Swatch(name="wrong", colour=WRONG)}
    first, second = choice.roles
    return {
        0: Swatch(name="both right", colour=RIGHT),
        1: Swatch(name=f"only the {second} right", colour=ONLY_SECOND),
        2: Swatch(name=f"only the {first} right", colour=ONLY_FIRST),
        3: Swatch(name="both wrong", colour=WRONG),
    }


def _draw_row(panels: Sequence[Axes], scene: DrawnScene, found: Sequence[SmallMap], choice: MapChoice) -> set[int]:
    """Draws a scene; returns what pixels without a class are, codes of `datasets.class_colours.UNCLASSED`."""
    first, name = found[0], choice.chart
    truth = first.charts[name]
    unlabelled = truth == IGNORE
    blank = with_reasons(truth, first.land, first.sar > 0)
    nowhere = unlabelled & (blank != IGNORE)
    predicted = [each.predicted[name] for each in found]
    # Networks answer everywhere; on land and without SAR nobody asked.
    answers = [
        np.where(nowhere, blank, np.where(each == IGNORE, np.uint8(NO_PREDICTION.code), each)) for each in predicted
    ]
    right = [each == truth for each in predicted]
    verdict = ~right[0] + 0 if len(right) == 1 else np.where(right[1], ~right[0] + 0, np.where(right[0], 2, 3))
    classes, apart = class_swatches(chart(name), "safe"), _verdicts(choice) | unclassed_swatches()
    size_km = _size_km(first)
    extent = (0.0, size_km[0], size_km[1], 0.0)
    _draw_sar(panels[0], first, extent)
    for panel, codes in zip(panels[1:], (blank, *answers), strict=False):
        paint(panel, first.orientation.apply(codes), classes, extent)
    shown = np.where(unlabelled, blank, verdict).astype(np.uint8)
    paint(panels[-1], first.orientation.apply(shown), apart, extent)
    for panel in panels:
        panel.set_xticks([])
        panel.set_yticks([])
    panels[0].set_ylabel(f"{scene.role} scene", fontsize=9)
    panels[0].set_xlabel(f"{first.scene_id}\n{fill(first.words, 34)}", fontsize=7)
    for panel, score in zip(panels[2:], scene.scores, strict=False):
        panel.set_xlabel(f"F1 {percent(score)} %", fontsize=8)
    draw_scale_bar(panels[0], size_km)
    draw_north_arrow(panels[0], first.north)
    panels[0].set_xlim(0, size_km[0])
    panels[0].set_ylim(size_km[1], 0)
    return {each.code for each in UNCLASSED if any((codes == each.code).any() for codes in (blank, *answers))}


def _draw_sar(axes: Axes, small: SmallMap, extent: tuple[float, float, float, float]) -> None:
    """Grey from black to white over the shades that the scene has."""
    shown = small.orientation.apply(small.sar)
    paint(axes, np.where(shown == 0, np.uint8(NO_SAR.code), np.uint8(0)), unclassed_swatches(), extent)
    known = small.sar[small.sar > 0]
    low, high = np.percentile(known, (1, 99)) if known.size else (0.0, 1.0)
    axes.imshow(
        np.ma.masked_equal(shown, 0),
        cmap="gray",
        vmin=low,
        vmax=max(high, low + 1.0),
        extent=extent,
        interpolation="nearest",
    )


def _size_km(small: SmallMap) -> tuple[float, float]:
    """Width and height of the picture."""
    rows, columns = small.orientation.shape(*small.sar.shape)
    return columns * small.spacing_m / 1000, rows * small.spacing_m / 1000


def _legend(figure: Figure, choice: MapChoice, there: set[int]) -> None:
    own = chart(choice.chart)
    entries = [*class_legend(own, "safe", there), *_verdicts(choice).values()]
    figure.legend(
        handles=legend_handles(entries),
        loc="outside lower center",
        ncols=min(len(entries), 7),
        fontsize="small",
        frameon=False,
        handleheight=1.1,
    )


def _caption(choice: MapChoice, rows: Sequence[tuple[DrawnScene, Sequence[SmallMap]]], names: Sequence[str]) -> str:
    seeds = dict.fromkeys(str(trial.seed) for trial in choice.trials)
    scenes = "; ".join(
        f"{scene.role}: {scene.scene_id} ({' and '.join(f'{percent(score)} %' for score in scene.scores)})"
        for scene, _ in rows
    )
    spacing = rows[0][1][0].spacing_m
    size = f"{spacing / 1000:g} km" if spacing >= 1000 else f"{spacing:g} m"
    which = f"seed{'s' if len(seeds) > 1 else ''} {' and '.join(seeds)}"
    over = "both cells and all of their seeds" if len(names) > 1 else "all seeds"
    return (
        f"Test scenes as {' and '.join(names)} read them ({which}), with F1: {scenes}. Chosen by rule: scenes with "
        f"the median, lowest and highest weighted F1, each scored by itself, averaged over {over}. Drawn is the "
        f"commonest class of pixels of {size}; scores count every pixel that has a label. North is up as far as lines "
        "and samples allow."
    )
