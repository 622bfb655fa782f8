"""What is written about a comparison: sentences, tables, figures, one page. Pure: no MLflow, no disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeps.compare.entries import OwnAndOthers
from sweeps.report.account import cost_table, runs_table
from sweeps.report.answer import begin, devices, numbers_of, score_of, score_word, undecided
from sweeps.report.cells import CellComparison
from sweeps.report.differences import Difference, corrected
from sweeps.report.drawing import pictures
from sweeps.report.heat_maps import classes_figures, side_by_side
from sweeps.report.map_choice import MapChoice, choose
from sweeps.report.map_figures import maps_section
from sweeps.report.page import Picture, Section
from sweeps.report.reach import UNDECIDED
from sweeps.report.score_figures import bars_figures, difference_figures
from sweeps.report.score_tables import classes_table, reading, scores_table, table_of_differences
from sweeps.report.study_report import HOW_TO_READ, differences_section, page_of, some_of
from sweeps.report.tables import ReportTable
from sweeps.report.wording import class_label, metric_label
from training.artifacts.small_maps import SmallMap
from training.evaluation.metric_names import ICE

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


def drawn_scenes(found: OwnAndOthers) -> list[MapChoice]:
    """Test scenes that show one's own model beside the best other one, by the rule of reports; none without one."""
    if not found.others:
        return []
    roles = {found.others[0]: "best other", found.own: "own model"}
    chosen = choose(found.comparison, "", roles)
    return [chosen] if chosen is not None else []


def make_page(
    found: OwnAndOthers, *, remarks: Sequence[str] = (), maps: Mapping[tuple[str, str], SmallMap] | None = None
) -> ComparePage:
    """Computes, draws and words everything.

    Remarks are sentences about how the comparison came about; maps are those of `drawn_scenes`, by run and artifact.
    """
    comparison = found.comparison
    differences = corrected(
        [by.difference(found.own, other, any_seed=True) for by in comparison.both for other in found.others]
    )
    answers = tuple(_answers(found, differences))
    warnings = tuple(_warnings(found, differences))
    notes = (*remarks, *warnings)
    scores = scores_table(comparison)
    against = table_of_differences(comparison, [(each, each.against[0]) for each in differences])
    keys = (found.own, *found.others)
    compared = keys if found.others else ()
    main = pictures(bars_figures(comparison, compared, "networks", ""))
    of_differences = pictures(
        each
        for by in comparison.both
        for each in difference_figures(
            by, _of(by, differences), f"differences{'_ice' if by.objective.endswith(ICE) else ''}", "", of_one=True
        )
    )
    matrices = pictures(side_by_side(comparison, keys, "confusion"))
    by_class = pictures(classes_figures(comparison, compared, "classes", ""))
    classes, cost, runs = classes_table(comparison), cost_table(comparison.evidence), runs_table(comparison)
    mapped = maps_section(comparison, drawn_scenes(found), maps or {})
    sections = [
        Section(anchor="answer", title="Answer", sentences=answers, points=notes),
        Section(anchor="scores", title="Scores", pictures=main, tables=(scores,)),
        differences_section(against, of_differences),
        Section(anchor="confusion", title="Confusion matrices", pictures=matrices),
        Section(anchor="classes", title="By class", pictures=by_class, tables=some_of(classes)),
        *([mapped] if mapped is not None else []),
        Section(anchor="cost", title="Cost", tables=(cost,)),
        Section(anchor="runs", title="Runs", tables=(runs,)),
        Section(anchor="reading", title="How to read this", points=HOW_TO_READ),
    ]
    evidence = comparison.evidence
    title = f"{found.own[0]} next to baselines"
    facts = [
        ("compared by", metric_label(comparison.objective)),
        ("lake", evidence.lake.removeprefix("Lake ")),
        ("recipe", evidence.study.recipe),
        ("code", evidence.study.git_commit),
        ("devices", devices(evidence)),
    ]
    tables = some_of(scores, against if against.rows else None, classes, cost)
    points = "".join(f"- {sentence}\n" for sentence in (*answers, *notes))
    head = f"# {title}\n\n{evidence.lake}\n\n{points}"
    return ComparePage(
        answers=answers,
        warnings=warnings,
        scores=scores,
        differences=against,
        texts={
            PAGE: page_of(evidence, title, facts, sections),
            "compare.md": "\n".join([head, *(table.to_markdown() for table in tables)]),
            "compare.csv": scores.to_csv(),
            "differences.csv": against.to_csv(),
            "classes.csv": classes.to_csv() if classes is not None else "",
            "cost.csv": cost.to_csv(),
            "trials.csv": runs.to_csv(),
        },
        pictures=tuple(picture for section in sections for picture in section.pictures),
    )


def _answers(found: OwnAndOthers, differences: Sequence[Difference]) -> list[str]:
    comparison = found.comparison
    said = [f"{found.own[0]}: {' and '.join(score_of(by, found.own) for by in comparison.both)}."]
    if never := comparison.never_right(found.own):
        names = ", ".join(map(class_label, never))
        said.append(f"{found.own[0]} never names right, though test scenes have it: {names}.")
    if not differences:
        return [*said, "There is no baseline to compare it with."]
    words = {
        "better": "Better than",
        "better by arithmetic": "Better, since it has seen classes in training that were not seen there, than",
        "better (1 seed)": "Better, by one seed, than",
        "worse": "Worse than",
        "worse by arithmetic": "Worse, since classes were never seen in training, than",
        "worse (1 seed)": "Worse, by one seed, than",
        "not told apart": "Not told apart from",
        UNDECIDED: "Whatever the scores, it cannot be decided against",
        "no interval": "Without an interval, against",
    }
    for by in comparison.both:
        start = f"By {score_word(by)}: " if len(comparison.both) > 1 else ""
        for wanted, words_of in words.items():
            some = [each for each in _of(by, differences) if reading(by, each) == wanted]
            if some:
                named = "; ".join(f"{each.against[0]} ({numbers_of(each)})" for each in some)
                said.append(f"{begin(start, words_of)} {named}.")
    return said


def _of(comparison: CellComparison, differences: Sequence[Difference]) -> list[Difference]:
    """Those by the objective of a comparison."""
    return [each for each in differences if each.objective == comparison.objective]


def _warnings(found: OwnAndOthers, differences: Sequence[Difference]) -> list[str]:
    comparison = found.comparison
    notes = []
    few = [key[0] for key in (found.own, *found.others) if comparison.spread(key, comparison.objective).n < 2]
    if few:
        notes.append(f"One seed has no spread, and its differences may be luck: {'; '.join(few)}.")
    notes += undecided(differences)
    if any(each.own_scenes for each in differences):
        notes.append("Some were tested on other scenes: their differences are over the scenes that both have.")
    for key, settings in found.protocol.items():
        if settings:
            some = ", ".join(f"{name} {other} (here {own})" for name, other, own in settings[:_SETTINGS_SAID])
            more = len(settings) - _SETTINGS_SAID
            notes.append(f"{key[0]} had other settings: {some}{f', and {more} more' if more > 0 else ''}.")
    return notes
