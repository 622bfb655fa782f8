"""Pictures of attributions: a panel for each class or method, a bar for each channel, coloured by where it is from."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from datasets.channels import GROUPS, group_of
from training.attribution.features import channel_label
from training.attribution.result import AttributionResult
from training.evaluation.bins import ALL

_COLOURS: Final = dict(zip(GROUPS, ("#0072b2", "#009e73", "#e69f00", "#d55e00", "#000000"), strict=True))
"""Of Okabe and Ito's colour-blind safe set; groups stand together and are named beside their bars too."""

_COLUMNS: Final = 3


class Bar(NamedTuple):
    """One channel in a panel: its share of the absolute attribution of all, and the signed one on that scale, in %."""

    channel: str
    share: float
    signed: float
    spread: float = nan


def attribution_figure(result: AttributionResult, *, bin_name: str = ALL) -> Figure:
    """Draws the importance of all channels for every class that has a pixel.

    A bar is a channel's share of the absolute attribution of all channels, so panels compare although logits of classes
    differ in size. The mark is the signed attribution on the same scale: right of zero it speaks for the class.
    """
    unit = "patches" if result.task == "patch" else "px"
    panels = {}
    for name in result.classes:
        rows = [row for row in result.rows if row.bin == bin_name and row.class_name == name and not row.is_group]
        rows.sort(key=lambda row: GROUPS.index(row.group))
        total = sum(row.absolute for row in rows) or 1.0
        if rows:
            panels[f"{name.replace('_', ' ')} ({rows[0].n:,} {unit})"] = [
                Bar(row.feature, 100 * row.absolute / total, 100 * row.signed / total) for row in rows
            ]
    where = "all scenes" if bin_name == ALL else bin_name.replace("/", " ")
    title = (
        f"{result.method.replace('_', ' ')}: {result.target} of {result.model}, trial {result.trial_id}, "
        f"{where} of the {result.settings.split} split{', a sample of patches' if result.sampled else ''}"
    )
    return bar_figure(panels, title)


def bar_figure(panels: Mapping[str, Sequence[Bar]], title: str) -> Figure:
    """Draws panels by their titles, all with the same channels in the same order; a known spread is a line at the bar.

    Channels of one group must stand together.
    """
    columns = min(_COLUMNS, max(len(panels), 1))
    lines = -(-len(panels) // columns)
    bars = [bar for each in panels.values() for bar in each]
    height = 1.2 + 0.23 * max(map(len, panels.values()), default=0)
    figure = Figure(figsize=(2.6 + 3.7 * columns, 1.5 + height * lines), layout="constrained", dpi=110)
    figure.suptitle(title)
    if panels:
        axes = figure.subplots(lines, columns, squeeze=False, sharex=True).flat
        for place, (name, own) in enumerate(panels.items()):
            _panel(axes[place], name, own, labelled=place % columns == 0)
        for empty in axes[len(panels) :]:
            empty.set_axis_off()
        for lowest in axes[len(panels) - columns : len(panels)]:  # of each column
            lowest.set_xlabel("share of absolute attribution [%]")
            lowest.tick_params(labelbottom=True)
    present = {group_of(bar.channel) for bar in bars}
    handles: list[Patch | Line2D] = [Patch(facecolor=_COLOURS[name], label=name) for name in GROUPS if name in present]
    if any(isfinite(bar.spread) for bar in bars):
        handles.append(Line2D([], [], color="0.25", lw=1, label="± spread over seeds"))
    label = "signed, same scale (right of 0: for the class)"
    handles.append(Line2D([], [], ls="", marker="D", ms=5, mfc="white", mec="black", label=label))
    ncols = len(handles) if columns > 1 else 3
    figure.legend(handles=handles, loc="outside lower center", ncols=ncols, frameon=False, fontsize=9)
    return figure


def _panel(axes: Axes, title: str, bars: Sequence[Bar], *, labelled: bool) -> None:
    places = range(len(bars))
    groups = [group_of(bar.channel) for bar in bars]
    axes.barh(places, [bar.share for bar in bars], color=[_COLOURS[group] for group in groups])
    for place, bar in enumerate(bars):
        if isfinite(bar.spread):
            axes.errorbar(bar.share, place, xerr=bar.spread, fmt="none", ecolor="0.25", elinewidth=1, capsize=2)
    axes.plot([bar.signed for bar in bars], places, ls="", marker="D", ms=4.5, mfc="white", mec="black", mew=0.9)
    axes.axvline(0.0, color="black", lw=0.8)
    axes.set_yticks(places, [channel_label(bar.channel) if labelled else "" for bar in bars], fontsize=8)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    for place in range(1, len(bars)):  # a line between groups, for those who see no colours
        if groups[place] != groups[place - 1]:
            axes.axhline(place - 0.5, color="#999999", lw=0.6, ls=":")
    axes.set_title(title, fontsize=10)
