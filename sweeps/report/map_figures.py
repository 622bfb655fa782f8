"""Maps of test scenes in a report: SAR, chart, what the reference and the best cell foretell, and who is right."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from datasets.class_colours import LAND, NO_LABEL, NO_SAR, ONLY_FIRST, ONLY_SECOND, RIGHT, WRONG, class_colours
from datasets.labels import IGNORE, chart
from sweeps.report.cells import CellComparison
from sweeps.report.drawing import Drawn, head, pictures
from sweeps.report.map_choice import DrawnScene, MapChoice
from sweeps.report.page import Section
from sweeps.report.wording import TASK_AXES, cell_label, class_label, percent
from training.artifacts.small_maps import SmallMap

_WIDTH: Final = 11.0
"""Inches: as wide as a page at 150 dots per inch."""
_BARS_KM: Final = (1, 2, 5, 10, 20, 50, 100, 200)


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
    tall = [min(max(_aspect(found[0]), 0.5), 1.6) for _, found in rows]
    figure = Figure(figsize=(_WIDTH, 0.95 * side * sum(tall) + 0.4 * len(rows) + 1.0), layout="constrained")
    head(figure, title)
    panels = figure.subplots(len(rows), columns, squeeze=False, height_ratios=tall)
    for (scene, found), line in zip(rows, panels, strict=True):
        _draw_row(line, scene, found, choice)
    titles = ["SAR, HH", f"{choice.chart} chart"]
    titles += [f"{role}: {words}" for role, words in zip(choice.roles, names, strict=True)]
    for panel, text in zip(panels[0], [*titles, "who is right" if len(names) > 1 else "right or wrong"], strict=True):
        panel.set_title(fill(text, 30), fontsize=9)
    _legend(figure, choice)
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
                "earlier programs left none for reports, and those of others could not be read."
            )
    return Section(anchor="maps", title="Maps", sentences=tuple(notes), pictures=pictures(drawn))


def _verdicts(choice: MapChoice) -> list[tuple[str, str]]:
    """Who is right, with the colour for it, in the order of the numbers of a row."""
    if len(choice.roles) == 1:
        return [("right", RIGHT), ("wrong", WRONG)]
    first, second = choice.roles
    return [
        ("both right", RIGHT),
        (f"only the {second} right", ONLY_SECOND),
        (f"only the {first} right", ONLY_FIRST),
        ("both wrong", WRONG),
    ]


def _draw_row(panels: Sequence[Axes], scene: DrawnScene, found: Sequence[SmallMap], choice: MapChoice) -> None:
    first, name, verdicts = found[0], choice.chart, _verdicts(choice)
    truth = first.charts[name]
    unlabelled = truth == IGNORE
    land, no_sar = first.land & unlabelled, (first.sar == 0) & unlabelled
    blank = np.where(land, LAND.code, np.where(no_sar, NO_SAR.code, IGNORE)).astype(np.uint8)
    shown = [np.where(unlabelled, blank, truth)]
    shown += [np.where(land | no_sar, blank, each.predicted[name]) for each in found]
    right = [each.predicted[name] == truth for each in found]
    # 0 both right, 1 only the last, 2 only the first, 3 none; of one cell 0 right, 1 wrong
    verdict = ~right[0] + 0 if len(right) == 1 else np.where(right[1], ~right[0] + 0, np.where(right[0], 2, 3))
    colours = class_colours(chart(name))
    panes = [_sar(first), *(_painted(each, colours) for each in shown)]
    panes.append(_painted(np.where(unlabelled, blank, verdict), [colour for _, colour in verdicts]))
    for panel, picture in zip(panels, panes, strict=True):
        panel.imshow(_turned(first, picture), interpolation="nearest")
        panel.set_xticks([])
        panel.set_yticks([])
    panels[0].set_ylabel(f"{scene.role} scene", fontsize=9)
    panels[0].set_xlabel(f"{first.scene_id}\n{fill(first.words, 34)}", fontsize=7)
    for panel, score in zip(panels[2:], scene.scores, strict=False):
        panel.set_xlabel(f"F1 {percent(score)} %", fontsize=8)
    _scale(panels[0], first)


def _scale(panel: Axes, small: SmallMap) -> None:
    """A bar of whole kilometres and an arrow to the north, readable on dark and bright ice."""
    rows, columns = small.orientation.shape(*small.sar.shape)
    km = columns * small.spacing_m / 1000
    bar = max((each for each in _BARS_KM if each <= 0.4 * km), default=_BARS_KM[0])
    left, width = 0.05 * columns, bar / km * columns
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
    panel.plot([left, left + width], [0.96 * rows] * 2, color="black", lw=4, solid_capstyle="butt")
    panel.plot([left, left + width], [0.96 * rows] * 2, color="white", lw=2, solid_capstyle="butt")
    panel.text(left, 0.93 * rows, f"{bar} km", fontsize=7, va="bottom", bbox=box)
    east, up = small.north
    length = 0.11 * min(rows, columns)
    x, y = 0.9 * columns, 0.14 * rows
    arrow = {"arrowstyle": "<-", "color": "black", "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    # The words are at the tail of what is drawn, which is the head of the arrow.
    panel.annotate(
        "N",
        xy=(x - length * east, y + length * up),
        xytext=(x + 0.3 * length * east, y - 0.3 * length * up),
        fontsize=7,
        ha="center",
        va="center",
        arrowprops=arrow,
        bbox=box,
    )
    panel.set_xlim(-0.5, columns - 0.5)
    panel.set_ylim(rows - 0.5, -0.5)


def _sar(small: SmallMap) -> NDArray[np.float64]:
    """Grey from black to white over the shades that the scene has; no SAR is white as in the other maps."""
    known = small.sar[small.sar > 0]
    low, high = np.percentile(known, (1, 99)) if known.size else (0.0, 1.0)
    grey = np.clip((small.sar - low) / max(high - low, 1.0), 0.0, 1.0)
    return np.where((small.sar == 0)[..., None], to_rgb(NO_SAR.colour), np.repeat(grey[..., None], 3, axis=2))


def _painted(classes: NDArray[np.integer], colours: Sequence[str]) -> NDArray[np.float64]:
    table = np.zeros((256, 3))
    table[: len(colours)] = [to_rgb(colour) for colour in colours]
    for each in (NO_LABEL, LAND, NO_SAR):
        table[each.code] = to_rgb(each.colour)
    painted: NDArray[np.float64] = table[classes]
    return painted


def _turned(small: SmallMap, picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """(line, sample, colour) north up."""
    return np.moveaxis(small.orientation.apply(np.moveaxis(picture, -1, 0)), 0, -1)


def _aspect(small: SmallMap) -> float:
    rows, columns = small.orientation.shape(*small.sar.shape)
    return rows / columns


def _legend(figure: Figure, choice: MapChoice) -> None:
    own = chart(choice.chart)
    entries = [*zip(map(class_label, own.classes), class_colours(own), strict=True)]
    entries += [(each.name, each.colour) for each in (LAND, NO_LABEL, NO_SAR)]
    entries += _verdicts(choice)
    figure.legend(
        handles=[Patch(facecolor=colour, edgecolor="black", lw=0.4, label=name) for name, colour in entries],
        loc="outside lower center",
        ncols=min(len(entries), 7),
        fontsize="small",
        frameon=False,
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
