"""Tables of a study of attributions: by group, by channel, and everything for analyses of one's own."""

import pandas as pd

from sweeps.report.importance import MEAN, Importance
from sweeps.report.tables import ReportTable
from sweeps.report.wording import percent
from training.attribution.features import channel_label
from training.evaluation.bins import ALL, Bin

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
    """A row for each network and method, a column for each group; as CSV every class and channel of all scenes."""
    frame = importance.spreads
    return _groups_table(importance, frame[frame["bin"] == ALL], by_bin=False)


def importance_bins_table(importance: Importance) -> ReportTable | None:
    """Season, location and cryoseason; a row for each network, method and bin. None without any."""
    frame = importance.spreads
    inside = frame[frame["bin"] != ALL]
    return None if inside.empty else _groups_table(importance, inside, by_bin=True)


def channels_tables(importance: Importance) -> list[ReportTable]:
    """A table for each network: a row for each channel, a column for each method."""
    found = []
    for task, network in importance.subjects:
        own = importance.channels(task, network)
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


def _groups_table(importance: Importance, frame: pd.DataFrame, *, by_bin: bool) -> ReportTable:
    subjects = (importance.of(task, network, groups=True) for task, network in importance.subjects)
    groups = list(dict.fromkeys(name for own in subjects for name in own["feature"]))
    shown = frame[frame["is_group"] & (frame["class"] == MEAN)]
    rows = []
    for place, some in shown.groupby(["task", "network", "method", "bin"], sort=False):
        task, network, method, bin_name = map(str, place)
        shares = _cells(some, "feature")
        words = (task, network, method_label(method), *([bin_label(bin_name)] if by_bin else []))
        rows.append((*words, *(shares.get(name, "–") for name in groups), str(some["seeds"].max())))
    return ReportTable(
        name="bins" if by_bin else "table",
        title=f"{importance.evidence.study.study}: importance of groups of channels"
        f"{' by season and location' if by_bin else ''} [%]",
        header=("task", "network", "method", *(["scenes"] if by_bin else []), *groups, "seeds"),
        rows=tuple(rows),
        words=4 if by_bin else 3,
        numbers=frame if by_bin else frame.drop(columns="bin"),
        note=_NOTE,
    )


def bin_label(name: str) -> str:
    """`season/winter` -> `winter`."""
    return Bin.parse(name).value or "all scenes"


def _cells(rows: pd.DataFrame, by: str) -> dict[str, str]:
    """Share ± spread in percent, by the value of a column."""
    values = zip(rows[by].astype(str), rows["share"].astype(float), rows["share_spread"].astype(float), strict=True)
    return {name: percent(share, spread) for name, share, spread in values}
