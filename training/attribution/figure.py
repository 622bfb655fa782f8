"""The picture of an attribution: one panel per class, one bar per channel, coloured by where the channel comes from."""

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from datasets.channels import GROUPS, group_of
from training.attribution.features import channel_label
from training.attribution.result import AttributionResult, AttributionRow
from training.evaluation.bins import ALL

COLOURS: Final = dict(zip(GROUPS, ("#0072b2", "#009e73", "#e69f00", "#d55e00", "#000000"), strict=True))
"""Of Okabe and Ito's colour-blind safe set; groups stand together and are named beside their bars too."""

_COLUMNS: Final = 3


def attribution_figure(result: AttributionResult, *, bin_name: str = ALL) -> Figure:
    """Draws the importance of all channels for every class that has a pixel.

    A bar is a channel's share of the absolute attribution of all channels, so panels compare although logits of classes
    differ in size. The mark is the signed attribution on the same scale: right of zero it speaks for the class.
    """
    panels = {
        name: [row for row in result.rows if row.bin == bin_name and row.class_name == name and not row.is_group]
        for name in result.classes
    }
    panels = {name: rows for name, rows in panels.items() if rows}
    columns = min(_COLUMNS, max(len(panels), 1))
    lines = -(-len(panels) // columns)
    order = sorted(range(len(result.channels)), key=lambda place: GROUPS.index(group_of(result.channels[place])))
    height = 1.2 + 0.23 * len(order)
    figure = Figure(figsize=(2.6 + 3.7 * columns, 1.5 + height * lines), layout="constrained", dpi=110)
    where = "all scenes" if bin_name == ALL else bin_name.replace("/", " ")
    figure.suptitle(
        f"{result.method.replace('_', ' ')}: {result.target} of {result.model}, trial {result.trial_id}, "
        f"{where} of the {result.settings.split} split{', a sample of patches' if result.sampled else ''}"
    )
    if panels:
        axes = figure.subplots(lines, columns, squeeze=False, sharex=True)
        for place, (name, rows) in enumerate(panels.items()):
            own = axes[place // columns][place % columns]
            _panel(own, name, [rows[number] for number in order], labelled=place % columns == 0, result=result)
        for place in range(len(panels), lines * columns):
            axes[place // columns][place % columns].set_axis_off()
        for own in axes.flat[max(len(panels) - columns, 0) : len(panels)]:  # the lowest panel of each column
            own.set_xlabel("share of absolute attribution [%]")
            own.tick_params(labelbottom=True)
    present = [group for group in GROUPS if group in {group_of(name) for name in result.channels}]
    handles: list[Patch | Line2D] = [Patch(facecolor=COLOURS[group], label=group) for group in present]
    label = "signed, same scale (right of 0: for the class)"
    handles.append(Line2D([], [], ls="", marker="D", ms=5, mfc="white", mec="black", label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    return figure


def _panel(axes: Axes, name: str, rows: Sequence[AttributionRow], *, labelled: bool, result: AttributionResult) -> None:
    total = sum(row.absolute for row in rows) or 1.0
    places = range(len(rows))
    axes.barh(places, [100 * row.absolute / total for row in rows], color=[COLOURS[row.group] for row in rows])
    axes.plot(
        [100 * row.signed / total for row in rows], places, ls="", marker="D", ms=4.5, mfc="white", mec="black", mew=0.9
    )
    axes.axvline(0.0, color="black", lw=0.8)
    axes.set_yticks(places, [channel_label(row.feature) for row in rows] if labelled else [""] * len(rows), fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    for place in range(1, len(rows)):  # a line between groups, for those who see no colours
        if rows[place].group != rows[place - 1].group:
            axes.axhline(place - 0.5, color="#999999", lw=0.6, ls=":")
    unit = "patches" if result.task == "patch" else "px"
    axes.set_title(f"{name.replace('_', ' ')} ({rows[0].n:,} {unit})", fontsize=10)
