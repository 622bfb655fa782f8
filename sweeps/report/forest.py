"""Differences with their intervals, a row a cell."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweeps.report.bootstrap import CONFIDENCE
from sweeps.report.cells import Comparison, Difference
from sweeps.report.drawing import COLOURS, Drawn, finish, labels, only_axis, own_axes, pieces
from sweeps.report.wording import cell_label, is_share, metric_label


def forest_figures(
    comparison: Comparison, differences: Sequence[Difference], name: str, task: str, *, turned: bool = False
) -> list[Drawn]:
    """Differences against one cell with their intervals; filled where the interval does not hold 0.

    Args:
        comparison: Of the cells.
        differences: All against one cell, which the axis names; a row each.
        name: Of the figure.
        task: For the title; may be empty.
        turned: All are of one cell, and a row is a cell that it is compared with.
    """
    if not any(each.interval.known for each in differences):
        return []
    factor = 100.0 if is_share(comparison.objective) else 1.0
    unit = "% points" if is_share(comparison.objective) else "same unit"
    by_key = {each.against if turned else each.key: each for each in differences}
    axes = comparison.evidence.axes
    fixed = differences[0].key if turned else differences[0].against
    named = cell_label(axes, fixed, [axis for axis in axes if axis not in own_axes(comparison)])
    what = f"{named} minus the other" if turned else f"difference from {named}"
    start = what if turned else f"Difference from {named}"
    drawn = []
    for end, some in pieces(list(by_key)):
        figure = Figure(figsize=(7.2, 1.7 + 0.36 * len(some)), layout="constrained")
        panel = figure.subplots()
        for row, key in enumerate(some):
            each = by_key[key]
            apart = each.verdict in ("higher", "lower")
            if each.interval.known:
                low, high = factor * each.interval.low, factor * each.interval.high
                panel.plot([low, high], [row, row], color=COLOURS[0], lw=2, solid_capstyle="butt")
                panel.plot([low, high], [row, row], "|", color=COLOURS[0], ms=9, mew=1.5)
            panel.plot(
                factor * each.value, row, "o", ms=7, mew=1.5, mec=COLOURS[0], mfc=COLOURS[0] if apart else "white",
            )  # fmt: skip
        panel.axvline(0, color="black", lw=1)
        panel.set_yticks(range(len(some)), labels(comparison, some))
        panel.set_ylabel(only_axis(comparison))
        panel.set_ylim(len(some) - 0.5, -0.5)
        panel.set_xlabel(f"{what}: {metric_label(comparison.objective)} [{unit}]")
        panel.xaxis.set_major_locator(MaxNLocator(7))
        finish(panel, along="x")
        if task:
            figure.suptitle(task, fontsize="medium")
        caption = (
            f"{start}, averaged over seeds, with its {CONFIDENCE:g} % interval over test "
            "scenes. Filled: told apart, for every seed. Hollow: not told apart from noise, or seeds disagree."
        )
        drawn.append(Drawn(name=f"{name}{end}", caption=caption, figure=figure))
    return drawn
