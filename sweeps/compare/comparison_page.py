"""What is written about a comparison: sentences, tables, figures, one page. Pure: no MLflow, no disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sweeps.compare.entries import OwnAndOthers
from sweeps.report.account import cost_table, runs_table
from sweeps.report.answer import devices, few_scenes, numbers_of, score_of
from sweeps.report.cells import FEW_SCENES, Difference
from sweeps.report.confusions import side_by_side
from sweeps.report.drawing import pictures
from sweeps.report.heat_maps import classes_figures
from sweeps.report.page import Picture, Section, render, written
from sweeps.report.score_figures import bars_figures, difference_figures
from sweeps.report.score_tables import classes_table, reading, scores_table, table_of_differences
from sweeps.report.study_report import HOW_TO_READ, differences_section, run_url, some_of
from sweeps.report.tables import ReportTable
from sweeps.report.wording import metric_label

PAGE: Final = "compare.html"
_SETTINGS_SAID: Final = 6
"""Most settings of a baseline that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class ComparePage:
    """What is written about a comparison: sentences, the main table, one's own model against each other, all files.

    `texts` are the files by name, without the pictures.
    """

    answers: tuple[str, ...]
    warnings: tuple[str, ...]
    scores: ReportTable
    differences: ReportTable
    texts: dict[str, str]
    pictures: tuple[Picture, ...]


def make_page(found: OwnAndOthers, *, remarks: Sequence[str] = ()) -> ComparePage:
    """Computes, draws and words everything; remarks are sentences about how the comparison came about."""
    comparison = found.comparison
    differences = [comparison.difference(found.own, other, any_seed=True) for other in found.others]
    answers = tuple(_answers(found, differences))
    warnings = tuple(_warnings(found, differences))
    notes = (*remarks, *warnings)
    scores = scores_table(comparison)
    against = table_of_differences(comparison, [(each, each.against[0]) for each in differences])
    keys = (found.own, *found.others)
    compared = keys if found.others else ()
    main = pictures(bars_figures(comparison, compared, "networks", ""))
    of_differences = pictures(difference_figures(comparison, differences, "differences", "", of_one=True))
    matrices = pictures(side_by_side(comparison, keys, "confusion"))
    by_class = pictures(classes_figures(comparison, compared, "classes", ""))
    classes, cost, runs = classes_table(comparison), cost_table(comparison.evidence), runs_table(comparison)
    sections = [
        Section(anchor="answer", title="Answer", sentences=answers, points=notes),
        Section(anchor="scores", title="Scores", pictures=main, tables=(scores,)),
        differences_section(against, of_differences),
        Section(anchor="confusion", title="Confusion matrices", pictures=matrices),
        Section(anchor="classes", title="By class", pictures=by_class, tables=some_of(classes)),
        Section(anchor="cost", title="Cost", tables=(cost,)),
        Section(anchor="runs", title="Runs", tables=(runs,)),
        Section(anchor="reading", title="How to read this", points=HOW_TO_READ),
    ]
    evidence = comparison.evidence
    title = f"{found.own[0]} next to baselines"
    facts = [
        ("compared by", metric_label(comparison.objective)),
        ("lake", evidence.study.lake),
        ("recipe", evidence.study.recipe),
        ("code", evidence.study.git_commit),
        ("devices", devices(evidence)),
        written(),
    ]
    html = render(
        title=title,
        lead=evidence.study.question,
        facts=facts,
        sections=sections,
        run_url=lambda run_id: run_url(evidence, run_id),
    )
    tables = some_of(scores, against if against.rows else None, classes, cost)
    points = "".join(f"- {sentence}\n" for sentence in (*answers, *notes))
    return ComparePage(
        answers=answers,
        warnings=warnings,
        scores=scores,
        differences=against,
        texts={
            PAGE: html,
            "compare.md": f"# {title}\n\n{points}\n" + "\n".join(table.to_markdown() for table in tables),
            "compare.csv": scores.to_csv(),
            "differences.csv": against.to_csv(),
            "classes.csv": classes.to_csv() if classes is not None else "",
            "cost.csv": cost.to_csv(),
            "trials.csv": runs.to_csv(),
        },
        pictures=(*main, *of_differences, *matrices, *by_class),
    )


def _answers(found: OwnAndOthers, differences: Sequence[Difference]) -> list[str]:
    comparison = found.comparison
    said = [f"{found.own[0]}: {score_of(comparison, found.own)}."]
    if not differences:
        return [*said, "There is no baseline to compare it with."]
    words = {
        "better": "Better than",
        "better (1 seed)": "Better, by one seed, than",
        "worse": "Worse than",
        "worse (1 seed)": "Worse, by one seed, than",
        "not told apart": "Not told apart from",
        "not told apart: seeds disagree": "Not told apart, since seeds disagree, from",
        "no interval": "Without an interval, against",
    }
    for wanted, start in words.items():
        some = [each for each in differences if reading(comparison, each) == wanted]
        if some:
            said.append(f"{start} {'; '.join(f'{each.against[0]} ({numbers_of(comparison, each)})' for each in some)}.")
    return said


def _warnings(found: OwnAndOthers, differences: Sequence[Difference]) -> list[str]:
    comparison = found.comparison
    notes = []
    few = [key[0] for key in (found.own, *found.others) if comparison.spread(key, comparison.objective).n < 2]
    if few:
        notes.append(f"One seed has no spread, and its differences may be luck: {'; '.join(few)}.")
    scenes = comparison.scenes(found.own)
    if scenes < FEW_SCENES:
        notes.append(f"{few_scenes(scenes)}.")
    if any(each.own_scenes for each in differences):
        notes.append("Some were tested on other scenes: their differences are over the scenes that both have.")
    for key, settings in found.protocol.items():
        if settings:
            some = ", ".join(f"{name} {other} (here {own})" for name, other, own in settings[:_SETTINGS_SAID])
            more = len(settings) - _SETTINGS_SAID
            notes.append(f"{key[0]} had other settings: {some}{f', and {more} more' if more > 0 else ''}.")
    return notes
