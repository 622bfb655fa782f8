"""What is written about a comparison: sentences, tables, figures, one page. Pure: no MLflow, no disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sweeps.compare.entries import OwnAndOthers
from sweeps.report.account import runs_table
from sweeps.report.answer import devices, numbers_of
from sweeps.report.cells import FEW_SCENES, Difference
from sweeps.report.confusions import side_by_side
from sweeps.report.drawing import Drawn
from sweeps.report.figures_of_scores import bars_figures
from sweeps.report.forest import forest_figures
from sweeps.report.group_tables import classes_table
from sweeps.report.heat_maps import classes_figures
from sweeps.report.page import Picture, Section, picture, render
from sweeps.report.score_tables import reading, scores_table, table_of_differences, text_of
from sweeps.report.study_cost import cost_table
from sweeps.report.study_report import HOW_TO_READ
from sweeps.report.tables import ReportTable
from sweeps.report.wording import is_share, metric_label, plural

PAGE: Final = "compare.html"
_SETTINGS_SAID: Final = 6
"""Most settings of a baseline that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class ComparePage:
    """What is written about a comparison.

    Attributes:
        title: With the name of the model.
        answers: Sentences.
        warnings: What weakens the numbers, each a sentence.
        scores: The main table.
        differences: One's own model against each other.
        texts: Every file but the pictures, by name.
        pictures: By name.
    """

    title: str
    answers: tuple[str, ...]
    warnings: tuple[str, ...]
    scores: ReportTable
    differences: ReportTable
    texts: dict[str, str]
    pictures: tuple[Picture, ...]


def make_page(found: OwnAndOthers, *, remarks: Sequence[str] = (), run_url: str = "") -> ComparePage:
    """Computes, draws and words everything.

    Args:
        found: The models.
        remarks: Sentences about how the comparison came about.
        run_url: Start of the addresses of runs; empty where they have none.
    """
    comparison = found.comparison
    differences = [comparison.difference(found.own, other, any_seed=True) for other in found.others]
    answers = tuple(_answers(found, differences))
    warnings = tuple(_warnings(found, differences))
    notes = (*remarks, *warnings)
    scores = scores_table(comparison)
    against = table_of_differences(
        comparison, [(comparison.evidence.task_of[found.own], each, each.against[0]) for each in differences]
    )
    keys = (found.own, *found.others)
    main = _drawn(bars_figures(comparison, keys, "networks", "")) if found.others else ()
    forest = _drawn(forest_figures(comparison, differences, "differences", "", turned=True))
    confusion = side_by_side(comparison, keys, "confusion")
    matrices = _drawn([confusion] if confusion is not None else [])
    by_class = _drawn(classes_figures(comparison, keys, "classes", "")) if found.others else ()
    classes, cost, runs = classes_table(comparison), cost_table(comparison), runs_table(comparison)
    class_tables = (classes,) if classes is not None else ()
    sections = [
        Section(anchor="answer", title="Answer", sentences=answers, points=notes),
        Section(anchor="scores", title="Scores", pictures=main, tables=(scores,)),
        Section(
            anchor="differences",
            title="Is it noise?",
            sentences=HOW_TO_READ[2:3],
            pictures=forest,
            tables=(against,) if against.rows else (),
        ),
        Section(anchor="confusion", title="Confusion matrices", pictures=matrices),
        Section(anchor="classes", title="By class", pictures=by_class, tables=class_tables),
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
        ("written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
    ]
    html = render(
        title=title,
        lead=evidence.study.question,
        facts=facts,
        sections=sections,
        run_url=lambda run_id: f"{run_url}{run_id}" if run_url else "",
    )
    tables = [scores, *([against] if against.rows else []), *class_tables, cost]
    points = "".join(f"- {sentence}\n" for sentence in (*answers, *notes))
    return ComparePage(
        title=title,
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
        pictures=(*main, *forest, *matrices, *by_class),
    )


def _answers(found: OwnAndOthers, differences: Sequence[Difference]) -> list[str]:
    comparison = found.comparison
    spread = comparison.spread(found.own, comparison.objective)
    unit = " %" if is_share(comparison.objective) else ""
    said = [
        f"{found.own[0]}: {text_of(comparison.objective)(spread.mean, spread.spread)}{unit} "
        f"({metric_label(comparison.objective)}; {plural(spread.n, 'seed')})."
    ]
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
        notes.append(
            f"{plural(scenes, 'test scene')} {'is' if scenes == 1 else 'are'} too few to say what others would give; "
            "take the intervals as a hint only."
        )
    if any(each.own_scenes for each in differences):
        notes.append("Some were tested on other scenes: their differences are over the scenes that both have.")
    for key, settings in found.protocol.items():
        if settings:
            some = ", ".join(f"{name} {other} (here {own})" for name, other, own in settings[:_SETTINGS_SAID])
            more = len(settings) - _SETTINGS_SAID
            notes.append(f"{key[0]} had other settings: {some}{f', and {more} more' if more > 0 else ''}.")
    return notes


def _drawn(figures: Sequence[Drawn]) -> tuple[Picture, ...]:
    return tuple(picture(each) for each in figures)
