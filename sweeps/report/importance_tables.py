"""Tables of a study of attributions: by group, by channel, and everything for analyses of one's own."""

import pandas as pd

from sweeps.report.importance import MEAN, Importance
from sweeps.report.tables import ReportTable
from sweeps.report.wording import percent
from training.attribution.figure import channel_label
from training.evaluation.bins import ALL

_NOTE = (
    "A share is the mean absolute attribution of a group or channel over that of all of them, class by class, then the "
    "mean over the classes that the network assigned anything to; ± is the spread (sample standard deviation) over "
    "seeds."
)


def method_label(method: str) -> str:
    """`gradient_shap` -> `gradient SHAP`."""
    words = method.replace("_", " ").replace("shap", "SHAP").replace("deeplift", "DeepLIFT")
    return words if words.startswith("DeepLIFT") else words[0].upper() + words[1:]


def importance_table(importance: Importance) -> ReportTable:
    """A row a network and method, a column a group; as CSV every class and channel of all scenes."""
    frame = importance.spreads
    groups = list(dict.fromkeys(name for own in _groups(importance) for name in own["feature"]))
    rows = []
    for task, network in importance.subjects:
        own = importance.of(task, network, groups=True)
        for method, some in own[own["class"] == MEAN].groupby("method", sort=False):
            shares = _cells(some, "feature")
            seeds = str(some["seeds"].max())
            rows.append((task, network, method_label(str(method)), *(shares.get(name, "–") for name in groups), seeds))
    return ReportTable(
        name="table",
        title=f"{importance.evidence.study.study}: importance of groups of channels [%]",
        header=("task", "network", "method", *groups, "seeds"),
        rows=tuple(rows),
        words=3,
        numbers=frame[frame["bin"] == ALL].drop(columns="bin"),
        note=_NOTE,
    )


def channels_tables(importance: Importance) -> list[ReportTable]:
    """A table a network: a row a channel, a column a method."""
    found = []
    for task, network in importance.subjects:
        own = importance.of(task, network)
        own = own[own["class"] == MEAN]
        methods = list(dict.fromkeys(own["method"]))
        rows = []
        for (feature, group), some in own.groupby(["feature", "group"], sort=False):
            cells = _cells(some, "method")
            rows.append((channel_label(str(feature)), str(group), *(cells.get(method, "–") for method in methods)))
        found.append(
            ReportTable(
                name=f"channels_{task.partition('-')[0]}_{network}",
                title=f"{network} ({task}): importance of channels [%], mean over classes ± spread over seeds",
                header=("channel", "group", *map(method_label, methods)),
                rows=tuple(rows),
                words=2,
                numbers=own.drop(columns=["bin", "class"]),
            )
        )
    return found


def importance_bins_table(importance: Importance) -> ReportTable | None:
    """Season, location and cryoseason; a row a network, method and bin. None without any."""
    frame = importance.spreads
    inside = frame[frame["bin"] != ALL]
    if inside.empty:
        return None
    shown = inside[inside["is_group"] & (inside["class"] == MEAN)]
    groups = list(dict.fromkeys(name for own in _groups(importance) for name in own["feature"]))
    rows = []
    for place, some in shown.groupby(["task", "network", "method", "bin"], sort=False):
        task, network, method, bin_name = map(str, place)
        shares = _cells(some, "feature")
        cells = (shares.get(name, "–") for name in groups)
        rows.append((task, network, method_label(method), bin_label(bin_name), *cells, str(some["seeds"].max())))
    return ReportTable(
        name="bins",
        title=f"{importance.evidence.study.study}: importance of groups of channels by season and location [%]",
        header=("task", "network", "method", "scenes", *groups, "seeds"),
        rows=tuple(rows),
        words=4,
        numbers=inside,
        note=_NOTE,
    )


def bin_label(name: str) -> str:
    """`season/winter` -> `winter`."""
    return "all scenes" if name == ALL else name.partition("/")[2]


def _cells(rows: pd.DataFrame, by: str) -> dict[str, str]:
    """Share ± spread in percent, by the value of a column."""
    values = zip(rows[by].astype(str), rows["share"].astype(float), rows["share_spread"].astype(float), strict=True)
    return {name: percent(share, spread) for name, share, spread in values}


def _groups(importance: Importance) -> list[pd.DataFrame]:
    return [importance.of(task, network, groups=True) for task, network in importance.subjects]
