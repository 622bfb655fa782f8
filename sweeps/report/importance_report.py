"""The report of a study of attributions: which channels its networks decide by, and how sure that is. Pure."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from datasets.plural import plural
from sweeps.report.answer import about_code
from sweeps.report.evidence import Evidence
from sweeps.report.importance import MEAN, Importance, bin_label, method_label
from sweeps.report.page import Section
from sweeps.report.study_report import Report, last_sections
from sweeps.report.tables import ReportTable
from sweeps.report.wording import percent
from training.attribution.features import channel_label
from training.attribution.result import AttributionResult
from training.evaluation.bins import ALL

HOW_TO_READ: Final = (
    "Importance says what the network decides by, not what the ice depends on: a network that decides by longitude "
    "has learned where old ice was in its training scenes.",
    "The spread over seeds is that of the same training, explained with other draws: a difference between channels "
    "that is smaller than it may be chance. It says nothing about other scenes.",
    "Channels that say the same share their importance in ways that differ by method: look at groups first.",
    "Absolute attributions of feature ablation are of output pixels, those of the other methods of input pixels, and "
    "logits of networks differ in size: compare shares and orders, not values.",
)

_NOTE: Final = (
    "A share is the mean absolute attribution of a group or channel over that of all of them, class by class, then the "
    "mean over the classes that the network assigned anything to; ± is the spread (sample standard deviation) over "
    "seeds."
)

_NAMED: Final = 3
"""Channels that a sentence names."""

_INCOMPLETE: Final = 0.1
"""Share of the change of the output that attributions of a method with completeness may miss without a warning."""


def importance_report(
    evidence: Evidence, results: Mapping[str, AttributionResult], problems: Mapping[str, str]
) -> Report:
    """Computes, draws and words everything; results are by run_id, and so is why one could not be read."""
    from sweeps.report import importance_figures as draw  # matplotlib takes a second, and tables do without
    from sweeps.report.drawing import pictures

    importance = Importance(evidence=evidence, results=results, problems=problems)
    table, bins = importance_table(importance), importance_bins_table(importance)
    said, warned = tuple(_answers(importance)), tuple(_warnings(importance))
    main, of_classes, of_bins = (
        pictures(figures(importance)) for figures in (draw.method_figures, draw.class_figures, draw.bin_figures)
    )
    channels = tuple(channels_tables(importance))
    sections = [
        Section(anchor="answer", title="Answer", sentences=said, points=warned),
        Section(anchor="scores", title="Importance", pictures=main, tables=(table, *channels)),
        Section(anchor="classes", title="By class", pictures=of_classes),
    ]
    if bins is not None:
        sections.append(Section(anchor="bins", title="By season and location", pictures=of_bins, tables=(bins,)))
    sections += last_sections(evidence, (), HOW_TO_READ)
    found = results.values()
    return Report(
        evidence=evidence,
        answers=said,
        warnings=warned,
        scores=table,
        bins=bins,
        sections=tuple(sections),
        details=channels,
        highlights=main,
        facts=(
            ("compared by", "share of absolute attribution"),
            ("methods", ", ".join(dict.fromkeys(method_label(result.method) for result in found)) or "–"),
            ("devices", ", ".join(dict.fromkeys(result.versions.get("device", "unknown") for result in found)) or "–"),
        ),
    )


def _answers(importance: Importance) -> list[str]:
    """The first channels of every network, and how far methods agree."""
    if importance.spreads.empty:
        return ["No attribution has finished: there is nothing to tell yet."]
    found = []
    for task, network in importance.subjects:
        own = importance.channels(task, network)
        over = own.groupby("feature", sort=False)["share"].mean().sort_values(ascending=False, kind="stable")
        firsts = own.sort_values("share", ascending=False, kind="stable").drop_duplicates("method")["feature"]
        first = str(over.index[0])
        methods = own["method"].nunique()
        names = ", ".join(f"{channel_label(str(name))} ({percent(share)} %)" for name, share in over[:_NAMED].items())
        agree = f"it is first for {int((firsts == first).sum())} of {plural(methods, 'method')}"
        lowest = importance.agreement(task, network)
        order = (
            f"; orders of channels by two methods correlate by {lowest:.2f} or more (Spearman)"
            if lowest is not None
            else ""
        )
        found.append(f"{network} ({task}) decides most by {names}; {agree}{order}.")
    return found


def _warnings(importance: Importance) -> list[str]:
    """What weakens these numbers, each as one sentence."""
    evidence, found = importance.evidence, list[str]()
    if evidence.study.study.endswith("-smoke"):
        found.append("This is a smoke run: networks were trained for a minute, and a few patches were looked at.")
    elif any(result.sampled for result in importance.results.values()):
        found.append("Some results look at a sample of the patches of each scene.")
    frame = importance.spreads
    if not frame.empty and frame["seeds"].min() < 2:
        found.append("Some networks have one seed or classes that one seed alone predicted: these have no spread.")
    worst: dict[str, float] = {}
    for result in importance.results.values():
        error = result.completeness_error
        if error is not None and error > _INCOMPLETE and result.method != "gradient_shap":  # random points by design
            worst[result.method] = max(error, worst.get(result.method, 0.0))
    found += [
        f"{method_label(method)} misses up to {percent(error)} % of the change of a class's output, patch by patch: "
        "give it more steps."
        for method, error in worst.items()
    ]
    found += [f"The result of run {run_id} could not be read: {why}." for run_id, why in importance.problems.items()]
    return [*found, *about_code(evidence)]


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


def _cells(rows: pd.DataFrame, by: str) -> dict[str, str]:
    """Share ± spread in percent, by the value of a column."""
    values = zip(rows[by].astype(str), rows["share"].astype(float), rows["share_spread"].astype(float), strict=True)
    return {name: percent(share, spread) for name, share, spread in values}
