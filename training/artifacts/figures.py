"""Pictures of a trial: confusion matrix and training curves. Matplotlib without pyplot, so without global state."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from datasets.labels import Chart
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import r2
from training.loop.epoch import EpochRow

_TRAIN, _VAL = "#0072b2", "#d55e00"  # blue and vermilion of Okabe and Ito's colour-blind safe set
OKABE_ITO = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # the set, readable on white
_NARROW = 11
"""Letters along a label under a narrow cell: two words of a class."""
_EVEN = 0.179
"""Luminance on which black and white text have the same contrast (WCAG 2)."""
_STYLES = ("-", "--", ":", "-.")  # colours and styles have no common period: 28 lines that differ


def save_figure(figure: Figure, path: Path) -> Path:
    """Writes the figure as PNG and returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # `savefig` would draw it twice, to give the same bytes.
    FigureCanvasAgg(figure).print_png(path)  # type: ignore[no-untyped-call]
    return path


def confusion_figure(matrix: ConfusionMatrix, chart: Chart, title: str, *, unit: str = "px") -> Figure:
    """Draws a matrix: colour and percentage are shares of the true class (rows), below them the count in `unit`."""
    n = matrix.n_classes
    figure = Figure(figsize=(3.6 + 0.95 * n, 2.4 + 0.8 * n), layout="constrained", dpi=110)
    axes = figure.add_subplot()
    image = draw_confusion(axes, matrix, chart, title, unit=unit)
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.04)
    return figure


def draw_confusion(axes: Axes, matrix: ConfusionMatrix, chart: Chart, title: str, *, unit: str) -> AxesImage:
    """Draws a matrix into axes; see `confusion_figure`."""
    n = matrix.n_classes
    true = matrix.counts.sum(axis=1, keepdims=True)
    shares = np.divide(matrix.counts, true, out=np.zeros((n, n)), where=true > 0)
    image = axes.imshow(
        np.ma.masked_where(np.broadcast_to(true == 0, (n, n)), shares),
        cmap="Blues",
        vmin=0.0,
        vmax=1.0,
        aspect="auto",
    )
    axes.set_facecolor("#f0f0f0")
    for row in range(n):
        for column in range(n):
            count = int(matrix.counts[row, column])
            text = f"{_percent(shares[row, column])}\n{_short(count)}" if count else "" if true[row, 0] else "-"
            colour = text_colour(image.cmap(shares[row, column]))
            axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    names = [name.replace("_", " ") for name in chart.classes]
    axes.set_xticks(range(n), [wrapped(name, _NARROW) for name in names], fontsize=9)
    axes.set_yticks(
        range(n),
        [f"{name}\n{_short(int(total))} {unit}" for name, total in zip(names, true[:, 0], strict=True)],
        fontsize=9,
    )
    axes.set_xlabel("predicted class")
    axes.set_ylabel(f"true class and its size [{unit}]")
    scores = matrix.metrics()
    named = {"accuracy": scores.accuracy, "weighted F1": scores.f1, "macro F1": scores.f1_macro}
    said = [f"{name} {100 * value:.1f} %" for name, value in named.items()]
    if chart.name == "SIC":
        said.append(f"R2 {r2(matrix):.3f}")
    # A line that is wider than the matrix would push it into a corner of the figure.
    axes.set_title(f"{wrapped(title, 10 * n)}\n{', '.join(said)}", fontsize=10)
    return image


def curves_figure(history: Sequence[EpochRow], best_epoch: int, title: str) -> Figure:
    """Draws losses, all val scores and the learning rate by epoch, with the epoch that was kept."""
    epochs = [row.epoch for row in history]
    rows = [row.metrics() for row in history]
    figure = Figure(figsize=(12.0, 4.0), layout="constrained", dpi=110)
    figure.suptitle(title)
    losses, scores, rates = figure.subplots(1, 3)
    marker = "o" if len(history) <= 40 else None

    def plot(axes: Axes, name: str, label: str, colour: str, style: str) -> None:
        values = [row.get(name, np.nan) for row in rows]
        axes.plot(epochs, values, color=colour, ls=style, marker=marker, ms=3, label=label)

    plot(losses, "train/loss", "train", _TRAIN, "-")
    plot(losses, "val/loss", "val", _VAL, "--")
    losses.set(title="loss", ylabel="mean over labelled pixels or patches")

    names = dict.fromkeys(name for row in rows for name in row if name.startswith("val/") and name != "val/loss")
    scored = [row.get("val/score") for row in rows]
    if any(scored == [row.get(name) for row in rows] for name in names if name != "val/score"):
        names.pop("val/score", None)  # of one chart it is F1, whose line it would hide
    for place, name in enumerate(names):
        label = name.removeprefix("val/").replace("/", " ").replace("_", " ").replace("f1", "F1").replace("r2", "R2")
        plot(scores, name, label, OKABE_ITO[place % len(OKABE_ITO)], _STYLES[place % len(_STYLES)])
    lowest = min((value for row in rows for name in names if np.isfinite(value := row.get(name, np.nan))), default=0.0)
    # R2 has no lower bound: a bad first epoch must not flatten all others.
    scores.set(title="val scores", ylabel="score, at most 1", ylim=(max(min(lowest, 0.0), -1.0), 1.0))

    plot(rates, "lr", "", "black", "-")
    rates.set(title="learning rate", ylabel="at the start of the epoch")
    rates.set_ylim(0.0, 1.05 * max(row.lr for row in history) or 1.0)

    for axes in (losses, scores, rates):
        axes.axvline(best_epoch, color="#666666", lw=1, ls="-.", label=f"kept: epoch {best_epoch}")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    for axes in (losses, scores):
        axes.legend(fontsize=8)
    return figure


def wrapped(words: str, width: int) -> str:
    """Few lines, about as long as each other, of some letters at most; names go on after a mark (`swin_`, `base`)."""
    parts = re.findall(r".+?(?:(?!(?<=\d) (?:k?m\b|%))[ _:/.+-]+|$)", words)  # a number keeps its unit

    def lines_of(width: int) -> list[str]:
        lines = [""]
        for part in parts:
            if lines[-1] and len(lines[-1]) + len(part.rstrip()) > width:
                lines.append("")
            lines[-1] += part
        return [line.strip(" ") for line in lines]

    fewest = len(lines_of(width))
    return "\n".join(next(found for less in range(1, width + 1) if len(found := lines_of(less)) <= fewest))


def text_colour(ground: ArrayLike) -> str:
    """Black or white, which can be read better on a colour: red, green, blue, 0 to 1."""
    parts = np.asarray(ground, float)[:3]
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))  # relative, of sRGB (WCAG 2)
    return "black" if luminance > _EVEN else "white"


def _percent(share: float) -> str:
    """Whole percent; a share above zero is never shown as 0%."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _short(count: int) -> str:
    """1234567 -> 1.2M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)
