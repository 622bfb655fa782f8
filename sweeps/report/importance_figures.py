"""Figures of a study of attributions, in the manner of the published ones: a bar for each channel, by its group."""

from typing import Final

import pandas as pd
from matplotlib.figure import Figure

from datasets.channels import GROUPS
from sweeps.report.drawing import Drawn
from sweeps.report.heat_maps import heat_map
from sweeps.report.importance import MEAN, Importance, bin_label, bin_order, method_label
from training.attribution.figure import Bar, bar_figure

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
    channels = list(dict.fromkeys(feature for rows in panels.values() for feature in rows["feature"]))
    percents = {
        name: 100 * rows.set_index("feature")[["share", "signed_share", "share_spread"]].reindex(channels)
        for name, rows in panels.items()
    }
    return bar_figure({name: [Bar(*row) for row in rows.itertuples()] for name, rows in percents.items()}, title)
