"""Figures of a study of attributions, in the manner of the published ones: a bar for each channel, by its group."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from datasets.channels import GROUPS
from sweeps.report.drawing import Drawn, finish, head
from sweeps.report.heat_maps import heat_map
from sweeps.report.importance import MEAN, Importance, bin_order
from sweeps.report.importance_tables import bin_label, method_label
from training.attribution.features import channel_label
from training.attribution.figure import COLOURS

_COLUMNS: Final = 3
_SHARE: Final = "share of absolute attribution [%]"
_HOW: Final = (
    "Bar: mean absolute attribution of a channel as a share of all channels, mean over seeds; line at its end: ± the "
    "spread over seeds (none for one seed). Diamond: signed attribution on the same scale: right of 0 the channel's "
    "values speak for the class, left of 0 against it."
)


def method_figures(importance: Importance) -> list[Drawn]:
    """A figure for each network: a panel for each method, the mean over classes."""
    drawn = []
    for task, network in importance.subjects:
        own = importance.channels(task, network)
        panels = {method_label(str(name)): rows for name, rows in own.groupby("method", sort=False)}
        drawn.append(
            Drawn(
                name=f"channels_{_file(task, network)}",
                caption=f"{network} ({task}), all test scenes, each class counted alike. {_HOW}",
                figure=_bars(panels, f"{network} ({task}): mean over classes"),
            )
        )
    return drawn


def class_figures(importance: Importance) -> list[Drawn]:
    """A figure for each network and method: a panel for each class."""
    drawn = []
    for task, network in importance.subjects:
        own = importance.of(task, network)
        unit = "patches" if task.startswith("patch") else "px"
        for method, rows in own[own["class"] != MEAN].groupby("method", sort=False):
            panels = {
                f"{str(name).replace('_', ' ')} ({some['n'].iloc[0]:,.0f} {unit})": some
                for name, some in rows.groupby("class", sort=False)
            }
            label = method_label(str(method))
            drawn.append(
                Drawn(
                    name=f"classes_{_file(task, network)}_{method}",
                    caption=f"{network} ({task}) by {label}, all test scenes. In brackets how much the network "
                    f"assigned to the class, mean over seeds. {_HOW}",
                    figure=_bars(panels, f"{network} ({task}): {label}"),
                )
            )
    return drawn


def bin_figures(importance: Importance) -> list[Drawn]:
    """A heat map for each network: seasons and locations x groups, by the first method of the study."""
    drawn = []
    for task, network in importance.subjects:
        frame = importance.spreads
        own = frame[(frame["task"] == task) & (frame["network"] == network) & (frame["class"] == MEAN)]
        method = str(own["method"].iloc[0])
        own = own[own["is_group"] & (own["method"] == method)]
        bins = sorted(set(own["bin"]), key=bin_order)
        groups = [group for group in GROUPS if group in set(own["feature"])]
        if len(bins) < 2:
            continue
        cells = {
            (row["bin"], row["feature"]): (float(row["share"]), float(row["share_spread"]))
            for row in own.to_dict("records")
        }
        label = method_label(method)
        figure = heat_map(
            [[cells.get((name, group), "no class there") for group in groups] for name in bins],
            [bin_label(name) for name in bins],
            groups,
            down="test scenes",
            across="group of channels",
            label="share of absolute attribution",
            title=f"{network} ({task}): {label}",
        )
        caption = (
            f"{network} ({task}) by {label}: share of each group, mean over classes; below it ± the spread over seeds. "
            "Scenes of a bin have other classes too: compare with the figures by class. bins.csv has all methods."
        )
        drawn.append(Drawn(name=f"bins_{_file(task, network)}", caption=caption, figure=figure))
    return drawn


def _file(task: str, network: str) -> str:
    return f"{task.partition('-')[0]}_{''.join(sign if sign.isalnum() else '_' for sign in network)}"


def _bars(panels: dict[str, pd.DataFrame], title: str) -> Figure:
    columns = min(_COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    channels = list(dict.fromkeys(feature for rows in panels.values() for feature in rows["feature"]))
    height = 1.0 + 0.21 * len(channels)
    figure = Figure(figsize=(2.4 + 2.9 * columns, 1.1 + height * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for place, (name, rows) in enumerate(panels.items()):
        own = axes[place // columns][place % columns]
        _panel(own, name, rows.set_index("feature").reindex(channels), labelled=place % columns == 0)
    for own in axes.flat[len(panels) :]:
        own.set_axis_off()
    for own in axes.flat[max(len(panels) - columns, 0) : len(panels)]:  # the lowest panel of each column
        own.set_xlabel(_SHARE, fontsize=9)
        own.tick_params(labelbottom=True)
    head(figure, title)
    present = {group for rows in panels.values() for group in rows["group"]}
    _legend(figure, [group for group in GROUPS if group in present], wide=columns > 1)
    return figure


def _panel(axes: Axes, title: str, rows: pd.DataFrame, *, labelled: bool) -> None:
    places, share, spread = np.arange(len(rows)), 100 * rows["share"], 100 * rows["share_spread"]
    axes.barh(places, share, color=[COLOURS.get(group, "#999999") for group in rows["group"]])
    known = spread.notna().to_numpy()
    if known.any():
        axes.errorbar(
            share[known], places[known], xerr=spread[known], fmt="none", ecolor="0.25", elinewidth=1, capsize=2
        )
    signed = 100 * rows["signed_share"]
    axes.plot(signed, places, ls="", marker="D", ms=3.6, mfc="white", mec="black", mew=0.8)
    axes.axvline(0.0, color="black", lw=0.8)
    axes.set_yticks(places, [channel_label(str(name)) for name in rows.index] if labelled else [""] * len(rows))
    axes.tick_params(axis="y", labelsize=7.5, length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    finish(axes, along="x")
    groups = list(rows["group"])
    for place in range(1, len(groups)):  # a line between groups, for those who see no colours
        if groups[place] != groups[place - 1]:
            axes.axhline(place - 0.5, color="#999999", lw=0.6, ls=":")
    axes.set_title(title, fontsize=9)


def _legend(figure: Figure, groups: Sequence[str], *, wide: bool) -> None:
    handles: list[Patch | Line2D] = [Patch(facecolor=COLOURS[group], label=group) for group in groups]
    handles.append(Line2D([], [], color="0.25", lw=1, label="± spread over seeds"))
    handles.append(Line2D([], [], ls="", marker="D", ms=4, mfc="white", mec="black", label="signed"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4 if wide else 3, frameon=False, fontsize=8)
