"""Picture of how far confidence can be believed: a panel for each class, one for all."""

import numpy as np
from matplotlib.figure import Figure

from datasets.labels import Chart
from training.artifacts.figures import OKABE_ITO
from training.evaluation.calibration import BINS, ChartCalibration

_FEWEST = 30
"""Fewer pixels in a bin say nothing, and would draw a wild line."""
_SERIES = (("test", "as it is", "o", OKABE_ITO[1]), ("test_scaled", "with the temperature", "D", OKABE_ITO[0]))


def reliability_figure(found: ChartCalibration, chart: Chart, title: str) -> Figure:
    """Share right against confidence, of all test pixels and of those that are given each class.

    Dots on the diagonal can be believed; below it the network is too sure. Bars are how many pixels there are.
    """
    names = ["all", *(name.replace("_", " ") for name in chart.classes)]
    across = min(len(names), 4)
    down = -(-len(names) // across)
    figure = Figure(figsize=(3.1 * across, 3.1 * down + 0.7), layout="constrained", dpi=110)
    panels = np.atleast_1d(figure.subplots(down, across, sharex=True, sharey=True)).ravel()
    for place, (panel, name) in enumerate(zip(panels, names, strict=False)):
        errors = []
        panel.plot([0, 1], [0, 1], color="0.5", lw=1, ls=":")
        for series, label, marker, colour in _SERIES:
            own = found.reliability(series)
            n, right, sure = (
                part.sum(axis=0) if place == 0 else part[place - 1] for part in (own.n, own.right, own.confidence)
            )
            drawn = n >= _FEWEST
            if series == "test" and n.any():
                panel.bar((np.arange(BINS) + 0.5) / BINS, n / n.sum(), width=1 / BINS, color="0.88", zorder=0)
            x, y = sure[drawn] / n[drawn], right[drawn] / n[drawn]
            panel.plot(x, y, "-", marker=marker, ms=4, lw=1.2, color=colour, label=label)
            error = own.error if place == 0 else own.class_error[place - 1]
            errors.append(f"{error:.3f}" if error == error else "–")
        said = f"ECE {' → '.join(errors)}" if any(error != "–" for error in errors) else "never predicted"
        panel.set_title(f"{name}\n{said}", fontsize=9)
        panel.set(xlim=(0, 1), ylim=(0, 1))
        panel.grid(alpha=0.3)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    for panel in panels[len(names) - across : len(names)]:  # the lowest of each column, also above an empty place
        panel.tick_params(labelbottom=True)
    figure.supxlabel("confidence", fontsize=9)
    figure.supylabel("share right; bars: share of pixels", fontsize=9)
    panels[0].legend(loc="upper left", fontsize=7, frameon=False)
    figure.suptitle(f"{title}\ntemperature {found.temperature:.2f}, fitted on val scenes", fontsize=10)
    return figure
