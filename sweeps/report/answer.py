"""What a report says in sentences: the answer, and what to be wary of."""

from collections.abc import Mapping, Sequence
from typing import Final

from datasets.plural import plural
from datasets.seasons import CRYOSEASONS
from sweeps.design.experiment import SEEDS
from sweeps.report.cells import CellComparison
from sweeps.report.differences import Difference
from sweeps.report.evidence import Evidence
from sweeps.report.intervals import ALPHA, FEWEST_PASSES
from sweeps.report.labels import Key
from sweeps.report.reach import UNDECIDED, undecidable
from sweeps.report.score_tables import reading, text_of
from sweeps.report.wording import TASK_AXES, cell_label, class_label, is_share, metric_label, told
from training.tracking.tracker import SYNTHETIC

_NAMED = 6
"""Most cells that a sentence names."""
_GROUPS = (
    ("Worse than the best", "worse"),
    ("Worse than the best by arithmetic, since classes were never seen in training", "worse by arithmetic"),
    ("Worse than the best, by one seed alone", "worse (1 seed)"),
    ("Not told apart from the best", "not told apart"),
    ("Better than the best on the scenes and seeds that both have", "better"),
    ("Not decidable against the best, whatever the scores", UNDECIDED),
    ("Compared with the best, but without an interval", "no interval"),
)
"""How sentences about differences from the best begin, by their reading."""
_WITHOUT: Final = {
    UNDECIDED: "neither better nor worse, since that cannot be decided",
    "no interval": "without an interval",
}
"""What a cell is, where its reading is no word for it."""


def answers(comparison: CellComparison) -> list[str]:
    """The best cell of each task, and which others are told apart from it."""
    if not comparison.keys:
        return [f"No finished trial has {comparison.objective}: there is nothing to compare yet."]
    return [sentence for task in comparison.evidence.tasks for sentence in _of_task(comparison, task)]


def warnings(comparison: CellComparison) -> list[str]:
    """What weakens the numbers of this study, each as one sentence."""
    evidence = comparison.evidence
    found = []
    if evidence.study.study.endswith("-smoke"):
        found.append("This is a smoke run: its trials took a minute, and its scores say that all works, not how well.")
    if any(SYNTHETIC in trial.row.tags for trial in evidence.finished):
        found.append("The scenes of this lake are synthetic: no satellite saw them, and scores say nothing about ice.")
    if any("cryoseason" in axis for axis in evidence.axes) or set(CRYOSEASONS) & set(evidence.design.bins):
        note = evidence.study.lake_note
        ours = "Melt and freeze are by our rule from the NASA dates, which is not that of the published lists."
        words = (note.seasons if note is not None else "") or ours
        found.append(f"{words} Scene by scene: python -m datasets lists LAKE FOLDER --compare PUBLISHED.")
    if evidence.study.design is None:
        found.append(
            "The design of this study is not on record: its axes and its number of trials are read from the trials."
        )
    if not comparison.keys:
        return found
    few = [key for key in comparison.keys if comparison.spread(key, comparison.objective).n < 2]
    if few:
        found.append(f"One seed has no spread, and its differences may be luck{_all_or(comparison, few)}.")
    elif min(comparison.spread(key, comparison.objective).n for key in comparison.keys) < SEEDS:
        found.append(
            f"With fewer than {SEEDS} seeds luck of training is told apart more often than {100 * ALPHA:g} % of "
            "the time: take better and worse as a hint."
        )
    found += _about_scenes(comparison)
    for run_id, problem in list(evidence.unread.items())[:_NAMED]:
        found.append(f"The result of run {run_id} could not be read, so it has no interval: {problem}.")
    return [*found, *about_code(evidence)]


def about_code(evidence: Evidence) -> list[str]:
    """Whether the trials ran one code, and whether that can be found again."""
    found = []
    commits = sorted({trial.row.tags.get("git_commit", "unknown")[:12] for trial in evidence.finished})
    if len(commits) > 1:
        found.append(f"The trials ran {len(commits)} versions of the code: {', '.join(commits)}.")
    if any(trial.row.tags.get("git_commit", "").endswith("-dirty") for trial in evidence.finished):
        found.append("Some trials ran code that was not committed (-dirty).")
    return found


def devices(evidence: Evidence) -> str:
    """Which devices the trials ran on."""
    found = dict.fromkeys(
        trial.result.versions.get("device", "unknown") for trial in evidence.finished if trial.result is not None
    )
    return ", ".join(found) or "unknown"


def _of_task(comparison: CellComparison, task: str) -> list[str]:
    found = [_best(comparison, task)]
    for by in comparison.both:
        best, reference = by.best(task), by.reference(task)
        if best is None or reference is None:
            continue
        every = by.differences(task)
        from_best = [each for each in every if each.against == best]
        if not from_best:
            return [*found, "No other cell has finished, so there is nothing to compare it with."]
        start = "" if len(comparison.both) == 1 else f"By {score_word(by)}, "
        readings = {each.key: (reading(by, each), each) for each in from_best}
        for words, wanted in _GROUPS:
            some = {key: numbers_of(each) for key, (word, each) in readings.items() if word == wanted}
            if some:
                found.append(f"{begin(start, words)}: {_named(by, list(some), some)}.")
        if best != reference:
            (own,) = (each for each in every if each.key == best and each.against == reference)
            word = reading(by, own)
            word = _WITHOUT.get(word, word)
            against = f"{begin(start, 'Against the reference')}, {_name(by, reference)}"
            found.append(f"{against}, the best is {word} ({numbers_of(own)}).")
        if never := by.never_right(best):
            names = ", ".join(map(class_label, never))
            found.append(f"{_name(by, best)} never names right, though test scenes have it: {names}.")
    return list(dict.fromkeys(sentence for sentence in found if sentence))


def _best(comparison: CellComparison, task: str) -> str:
    """Which cell is best, by both objectives or by which."""
    found = [(by, best) for by in comparison.both if (best := by.best(task)) is not None]
    if not found:
        return ""
    where = f"{task}: best" if len(comparison.evidence.tasks) > 1 else "Best"
    scores = [score_of(by, best) for by, best in found]
    if len(found) == 1:
        return f"{where} is {_name(*found[0])}: {scores[0]}."
    if len({best for _, best in found}) == 1:
        return f"{where} by both scores is {_name(*found[0])}: {' and '.join(scores)}."
    each = "; ".join(
        f"by {score_word(by)} it is {_name(by, best)}, {score}" for (by, best), score in zip(found, scores, strict=True)
    )
    return f"{where} is no single cell: {each}."


def score_word(comparison: CellComparison) -> str:
    """`weighted F1`."""
    return metric_label(comparison.objective).split(", ")[0]


def begin(start: str, words: str) -> str:
    """A sentence that begins with some words, after a start if there is one: `By weighted F1, worse than the best`."""
    return f"{start}{words[0].lower()}{words[1:]}" if start else words


def numbers_of(each: Difference) -> str:
    """`−1.4 % points, interval −3.1 to +0.2`."""
    ends = (each.interval.low, each.interval.high) if each.interval.known else ()
    value, *between = told(each.objective, each.value, *ends, signed=True)
    unit = " % points" if is_share(each.objective) else ""
    return f"{value}{unit}" + (f", interval {' to '.join(between)}" if between else "")


def score_of(comparison: CellComparison, key: Key) -> str:
    """`81.2 ± 0.4 % (weighted F1, 80 m grid; 3 seeds)`."""
    spread = comparison.spread(key, comparison.objective)
    unit = " %" if is_share(comparison.objective) else ""
    text = text_of(comparison.objective)(spread.mean, spread.spread)
    return f"{text}{unit} ({metric_label(comparison.objective)}; {plural(spread.n, 'seed')})"


def undecided(differences: Sequence[Difference]) -> list[str]:
    """A sentence for each number of orbit passes on which none of these can be told apart."""
    found = {(each.passes, each.compared): None for each in differences if each.draws.size and not each.decidable}
    return [f"T{undecidable(*each)[1:]}." for each in found]


def _about_scenes(comparison: CellComparison) -> list[str]:
    counts = {key: comparison.passes(key) for key in comparison.keys}
    if comparison.metric is None:
        return [
            f"{comparison.objective} does not follow from confusion matrices of scenes, so differences have no "
            "interval: go by the spread over seeds."
        ]
    found = []
    every = [each for task in comparison.evidence.tasks for by in comparison.both for each in by.differences(task)]
    found += undecided(every)
    few = {key: count for key, count in counts.items() if 0 < count < FEWEST_PASSES}
    if few:
        found.append(
            f"A score on fewer than {FEWEST_PASSES} orbit passes has no interval{_all_or(comparison, list(few))}."
        )
    if any(each.own_scenes for each in every):
        found.append("Some cells were tested on other scenes: their differences are over the scenes that both have.")
    unpaired = [each.key for each in every if not each.seeds]
    if unpaired:
        found.append(f"Without a common seed there is no difference: {_named(comparison, unpaired)}.")
    return found


def _name(comparison: CellComparison, key: Key) -> str:
    return cell_label(comparison.evidence.axes, key, TASK_AXES)


def _all_or(comparison: CellComparison, keys: Sequence[Key]) -> str:
    return "" if len(keys) == len(comparison.keys) else f": {_named(comparison, keys)}"


def _named(comparison: CellComparison, keys: Sequence[Key], numbers: Mapping[Key, str] | None = None) -> str:
    shown = {key: f", {text}" for key, text in (numbers or {}).items()}
    names = list(dict.fromkeys(f"{_name(comparison, key)}{shown.get(key, '')}" for key in keys))
    more = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
