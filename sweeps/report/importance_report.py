"""The report of a study of attributions: which channels its networks decide by, and how sure that is. Pure."""

from collections.abc import Mapping
from typing import Final

from sweeps.report.account import cost_table, runs_table, state
from sweeps.report.answer import about_code
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import Evidence
from sweeps.report.importance import Importance
from sweeps.report.importance_tables import (
    channels_tables,
    importance_bins_table,
    importance_table,
    method_label,
)
from sweeps.report.page import Section
from sweeps.report.study_report import ABOUT_COST, Report, trials_section
from sweeps.report.wording import percent, plural
from training.attribution.features import channel_label
from training.attribution.result import AttributionResult

HOW_TO_READ: Final = (
    "Importance says what the network decides by, not what the ice depends on: a network that decides by longitude "
    "has learned where old ice was in its training scenes.",
    "The spread over seeds is that of the same training, explained with other draws: a difference between channels "
    "that is smaller than it may be chance. It says nothing about other scenes.",
    "Channels that say the same share their importance in ways that differ by method: look at groups first.",
    "Absolute attributions of feature ablation are of output pixels, those of the other methods of input pixels, and "
    "logits of networks differ in size: compare shares and orders, not values.",
)

_NAMED: Final = 3
"""Channels that a sentence names."""

_INCOMPLETE: Final = 0.1
"""Share of the change of the output that attributions of a method with completeness may miss without a warning."""


def importance_report(
    evidence: Evidence, results: Mapping[str, AttributionResult], problems: Mapping[str, str] | None = None
) -> Report:
    """Computes, draws and words everything; results are by run_id, and so is why one could not be read."""
    from sweeps.report import importance_figures as draw  # matplotlib takes a second, and tables do without
    from sweeps.report.drawing import pictures

    importance = Importance(evidence=evidence, results=results, problems=problems or {})
    table, bins, comparison = importance_table(importance), importance_bins_table(importance), CellComparison(evidence)
    said, warned = tuple(_answers(importance)), tuple(_warnings(importance))
    main, of_classes, of_bins = (
        pictures(figures(importance)) for figures in (draw.method_figures, draw.class_figures, draw.bin_figures)
    )
    channels = tuple(channels_tables(importance))
    runs = runs_table(comparison)
    sections = [
        Section(anchor="answer", title="Answer", sentences=said, points=warned),
        Section(anchor="scores", title="Importance", pictures=main, tables=(table, *channels)),
        Section(anchor="classes", title="By class", pictures=of_classes),
    ]
    if bins is not None:
        sections.append(Section(anchor="bins", title="By season and location", pictures=of_bins, tables=(bins,)))
    sections += [
        Section(anchor="cost", title="Cost", sentences=(ABOUT_COST,), tables=(cost_table(evidence),)),
        trials_section(evidence),
        Section(anchor="reading", title="How to read this", points=HOW_TO_READ),
    ]
    found = results.values()
    return Report(
        evidence=evidence,
        state=state(evidence),
        answers=said,
        warnings=warned,
        scores=table,
        differences=None,
        bins=bins,
        runs=runs,
        sections=tuple(sections),
        pictures=(*main, *of_classes, *of_bins),
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
