"""`Report`: everything that is written about one study, made from its evidence. Pure: no MLflow, no disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sweeps.report.account import cost, cost_table, missing_trials, runs_table, state, unfinished_table
from sweeps.report.answer import answers, devices, warnings
from sweeps.report.bin_scores import POOLED, bin_answers, bin_differences_table, bins_of_study, bins_table
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import Evidence
from sweeps.report.intervals import ALPHA, CONFIDENCE, FEWEST_PASSES
from sweeps.report.map_choice import map_choices
from sweeps.report.page import Picture, Section, render, written
from sweeps.report.reach import UNDECIDED
from sweeps.report.score_tables import classes_table, differences_table, scores_table
from sweeps.report.seen import trained_table, with_unseen
from sweeps.report.tables import ReportTable
from sweeps.report.wording import cell_label, metric_label
from training.artifacts.small_maps import SmallMap
from training.tracking import server
from training.tracking.server import run_address

HOW_TO_READ: Final = (
    "Spread is the sample standard deviation over seeds: how much a score changes when the same training starts from "
    "other random numbers. It says nothing about other scenes.",
    f"An interval covers test scenes ({CONFIDENCE:g} %): subsets of their orbit passes were scored together, and it is "
    "the range that a permutation test over passes does not refuse. Scenes of one pass are one observation; fewer than "
    f"{FEWEST_PASSES} passes give none. That of a cell says nothing about other seeds; that of a difference does.",
    "A difference is paired: same seeds, same scenes, same subsets for both sides, then averaged over the seeds that "
    "both have. If its interval holds 0, the two are not told apart from noise by these test scenes and seeds.",
    "Intervals of differences are corrected for their number (Holm), over both scores: if no cell of the study were "
    f"truly better than another, one would be told apart in {100 * ALPHA:g} % of such studies. The best cell was "
    "chosen by these very scores, which flatters it a little.",
    f"{UNDECIDED[0].upper()}{UNDECIDED[1:]} is no finding: so few orbit passes have no p-value that is small enough "
    "for so many differences, whatever the scores. Such differences do not count in the correction of the others.",
    "A set of training scenes is one draw of scenes. Against as many scenes of all, which each seed draws anew, its "
    "interval is wide enough for the luck of its own scenes too.",
    "Weighted F1 is what is published, and common classes make it. Macro F1 over ice is the plain mean of F1 over all "
    "classes but water that the test scenes have or the network names: rare ice weighs as much as common ice.",
    "All pixels of all test scenes are scored together from one confusion matrix; nothing is averaged over scenes.",
)

_ABOUT_COST: Final = (
    "GPU-hours are wall time times GPUs of a trial; trials that share a GPU count it once each. CPU-hours are "
    "processor time used. A trial that went on after a stop counts from there."
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is written about a study.

    Attributes:
        scores: The main table.
        differences: Every cell against the reference and the best; None in a study without scores.
        details: More tables for people, in table.md and table.tex.
        highlights: Pictures for a page over all studies.
        facts: Name and value, for the head of the page.
    """

    evidence: Evidence
    answers: tuple[str, ...]
    warnings: tuple[str, ...]
    scores: ReportTable
    differences: ReportTable | None = None
    bins: ReportTable | None
    sections: tuple[Section, ...]
    highlights: tuple[Picture, ...]
    facts: tuple[tuple[str, str], ...]
    details: tuple[ReportTable, ...] = ()

    @property
    def state(self) -> str:
        """How many trials finished, and which are missing."""
        return state(self.evidence)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All of them."""
        return tuple(picture for section in self.sections for picture in section.pictures)

    @property
    def gpu_hours(self) -> float:
        """Of the finished trials; NaN where not on record."""
        return cost(self.evidence.finished, "cost/gpu_hours")

    @property
    def cpu_hours(self) -> float:
        """Likewise."""
        return cost(self.evidence.finished, "cost/cpu_hours")

    def texts(self) -> dict[str, str]:
        """Every file but the pictures, by name."""
        tables = some_of(self.scores, self.differences, self.bins)
        shown = [*tables, *self.details]
        lake = self.evidence.lake
        head = f"# {self.evidence.study.study}\n\n{self.evidence.design.question}\n\n{self.state}. {lake}\n\n"
        sentences = "".join(f"- {sentence}\n" for sentence in (*self.answers, *self.warnings))
        return {
            "report.html": self.html(),
            **{f"{table.name}.csv": table.to_csv() for table in tables},
            "trials.csv": self.evidence.frame().to_csv(index=False),
            "table.md": head + sentences + "\n" + "\n".join(table.to_markdown() for table in shown),
            "table.tex": f"% {lake}\n" + "\n".join(table.to_latex() for table in shown),
        }

    def html(self) -> str:
        """The page."""
        evidence = self.evidence
        facts = [
            ("trials", self.state),
            *self.facts,
            ("lake", evidence.lake.removeprefix("Lake ")),
            ("recipe", evidence.study.recipe or "not on record"),
            ("code", evidence.study.git_commit or "not on record"),
            ("parent run", run_url(evidence, evidence.study.run_id) or evidence.study.run_id),
        ]
        return page_of(evidence, f"Study {evidence.study.study}", facts, self.sections)


def make_report(evidence: Evidence, maps: Mapping[tuple[str, str], SmallMap] | None = None) -> Report:
    """Computes, draws and words everything; `maps` are small maps of test scenes by run and artifact."""
    from sweeps.report import study_figures as draw  # matplotlib takes a second, and tables do without
    from sweeps.report.drawing import pictures
    from sweeps.report.map_figures import maps_section

    comparison = CellComparison(evidence)
    scores, differences = scores_table(comparison), differences_table(comparison)
    of_bins_alone = bins_of_study(comparison)
    bins, verdicts = bins_table(comparison, of_bins_alone), bin_differences_table(of_bins_alone)
    classes, runs, trained = classes_table(comparison), runs_table(comparison), trained_table(comparison)
    scores, differences = with_unseen(scores, comparison), with_unseen(differences, comparison)
    bins, verdicts, classes = (
        None if each is None else with_unseen(each, comparison) for each in (bins, verdicts, classes)
    )
    pooled, warned = answers(comparison), tuple(warnings(comparison))
    by_bin = bin_answers(of_bins_alone) if comparison.keys else []
    said = (*by_bin, *([POOLED] if by_bin else []), *pooled)
    main, against, of_bins, of_classes = (
        pictures(figures(comparison))
        for figures in (draw.main_figures, draw.against_figures, draw.bin_figures, draw.class_figures)
    )
    sections = [
        Section(anchor="answer", title="Answer", sentences=said, points=warned),
        Section(anchor="scores", title="Scores", pictures=main, tables=some_of(scores, trained)),
        differences_section(differences, against),
    ]
    if bins is not None:
        sections.append(
            Section(anchor="bins", title="By season and location", pictures=of_bins, tables=some_of(bins, verdicts))
        )
    if classes is not None or of_classes:
        sections.append(Section(anchor="classes", title="By class", pictures=of_classes, tables=some_of(classes)))
    if (mapped := maps_section(comparison, map_choices(comparison), maps or {})) is not None:
        sections.append(mapped)
    sections += last_sections(evidence, some_of(runs if runs.rows else None), HOW_TO_READ)
    return Report(
        evidence=evidence,
        answers=said,
        warnings=warned,
        scores=scores,
        differences=differences,
        bins=bins,
        sections=tuple(sections),
        highlights=(*main, *against, *of_bins),
        details=some_of(trained, verdicts),
        facts=(("compared by", metric_label(evidence.design.objective)), ("devices", devices(evidence))),
    )


def differences_section(differences: ReportTable, pictures: tuple[Picture, ...]) -> Section:
    """Whether differences are noise."""
    return Section(
        anchor="differences",
        title="Is it noise?",
        sentences=HOW_TO_READ[2:3],
        pictures=pictures,
        tables=some_of(differences if differences.rows else None),
    )


def last_sections(evidence: Evidence, runs: tuple[ReportTable, ...], how_to_read: tuple[str, ...]) -> list[Section]:
    """What trials cost; where their runs are, and what became of those that did not finish; how to read the page."""
    cost_said, where = [_ABOUT_COST], how_to_open(evidence)
    if evidence.lost_attempts:
        cost_said.append(
            f"Attempts that do not count (failed, killed, or repeated): {evidence.lost_attempts}, with "
            f"{evidence.lost_hours:.1f} h of wall time that are not in the table."
        )
    missing = [f"missing: {name}" for name in missing_trials(evidence)]
    left_out = [f"left out: {cell_label(evidence.axes, key)} ({why})" for key, why in evidence.left_out.items()]
    return [
        Section(anchor="cost", title="Cost", sentences=tuple(cost_said), tables=(cost_table(evidence),)),
        Section(
            anchor="trials",
            title="Trials and runs",
            sentences=(f"{where[0].upper()}{where[1:]}",),
            points=(*missing, *left_out),
            tables=(*some_of(unfinished_table(evidence)), *runs),
        ),
        Section(anchor="reading", title="How to read this", points=how_to_read),
    ]


def page_of(evidence: Evidence, title: str, facts: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """The page about some evidence: its lake in every caption, and links to its runs."""
    return render(
        title=title,
        lead=evidence.design.question,
        facts=[*facts, written()],
        sections=[replace(each, lake=evidence.lake) for each in sections],
        run_url=lambda run_id: run_url(evidence, run_id),
    )


def some_of(*tables: ReportTable | None) -> tuple[ReportTable, ...]:
    """The tables that there are."""
    return tuple(table for table in tables if table is not None)


def run_url(evidence: Evidence, run_id: str) -> str:
    """Address of a run in the pages of its server; empty for a database, which has none."""
    return run_address(evidence.tracking_uri, evidence.study.experiment_id, run_id)


def how_to_open(evidence: Evidence) -> str:
    """What to type or open to see the runs."""
    study = evidence.study
    return f"runs: {server.how_to_open(evidence.tracking_uri, study.experiment_id, study.run_id)}"
