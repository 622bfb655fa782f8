"""What a report says in sentences: the answer, and what to be wary of."""

from collections.abc import Mapping, Sequence

from sweeps.report.cells import FEW_SCENES, CellComparison, Difference
from sweeps.report.evidence import Evidence
from sweeps.report.labels import Key
from sweeps.report.score_tables import reading, text_of
from sweeps.report.wording import TASK_AXES, cell_label, is_share, metric_label, plural

_NAMED = 6
"""Most cells that a sentence names."""


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
    if evidence.study.design is None:
        found.append(
            "The design of this study is not on record: its axes and its number of trials are read from the trials."
        )
    if not comparison.keys:
        return found
    few = [key for key in comparison.keys if comparison.spread(key, comparison.objective).n < 2]
    if few:
        found.append(f"One seed has no spread, and its differences may be luck{_all_or(comparison, few)}.")
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
    best, reference = comparison.best(task), comparison.reference(task)
    if best is None or reference is None:
        return []
    where = f"{task}: best" if len(comparison.evidence.tasks) > 1 else "Best"
    every = comparison.differences(task)
    found = [f"{where} is {_name(comparison, best)}: {score_of(comparison, best)}."]
    from_best = [each for each in every if each.against == best]
    if not from_best:
        return [*found, "No other cell has finished, so there is nothing to compare it with."]
    readings = {each.key: (reading(comparison, each), each) for each in from_best}
    groups = (
        ("Worse than it", "worse"),
        ("Worse than it by arithmetic, since classes were never seen in training", "worse by arithmetic"),
        ("Worse by one seed alone", "worse (1 seed)"),
        ("Not told apart from it", "not told apart"),
        ("Not told apart from it, since seeds disagree", "not told apart: seeds disagree"),
        ("Better on the scenes and seeds that both have", "better"),
        ("Without an interval", "no interval"),
    )
    for words, wanted in groups:
        some = {key: numbers_of(comparison, each) for key, (word, each) in readings.items() if word == wanted}
        if some:
            found.append(f"{words}: {_named(comparison, list(some), some)}.")
    if best != reference:
        (own,) = (each for each in every if each.key == best and each.against == reference)
        word = f"{reading(comparison, own)} ({numbers_of(comparison, own)})"
        found.append(f"Against the reference, {_name(comparison, reference)}, it is {word}.")
    return found


def numbers_of(comparison: CellComparison, each: Difference) -> str:
    """`−1.4 % points, interval −3.1 to +0.2`."""

    def write(value: float) -> str:
        return f"{'−' if value < 0 else '+'}{text_of(comparison.objective)(abs(value))}"

    unit = " % points" if is_share(comparison.objective) else ""
    interval = f", interval {write(each.interval.low)} to {write(each.interval.high)}" if each.interval.known else ""
    return f"{write(each.value)}{unit}{interval}"


def score_of(comparison: CellComparison, key: Key) -> str:
    """`81.2 ± 0.4 % (weighted F1, 80 m grid; 3 seeds)`."""
    spread = comparison.spread(key, comparison.objective)
    unit = " %" if is_share(comparison.objective) else ""
    text = text_of(comparison.objective)(spread.mean, spread.spread)
    return f"{text}{unit} ({metric_label(comparison.objective)}; {plural(spread.n, 'seed')})"


def few_scenes(count: int) -> str:
    """What to make of intervals over few test scenes, without a full stop."""
    return (
        f"{plural(count, 'test scene')} {'is' if count == 1 else 'are'} too few to say what others would give; take "
        "the intervals as a hint only"
    )


def _about_scenes(comparison: CellComparison) -> list[str]:
    counts = {key: comparison.scenes(key) for key in comparison.keys}
    if comparison.metric is None:
        return [
            f"{comparison.objective} does not follow from confusion matrices of scenes, so differences have no "
            "interval: go by the spread over seeds."
        ]
    found = []
    few = {key: count for key, count in counts.items() if 0 < count < FEW_SCENES}
    if few:
        found.append(f"{few_scenes(min(few.values()))}{_all_or(comparison, list(few))}.")
    every = [each for task in comparison.evidence.tasks for each in comparison.differences(task)]
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
    shown = {key: f" ({text})" for key, text in (numbers or {}).items()}
    names = list(dict.fromkeys(f"{_name(comparison, key)}{shown.get(key, '')}" for key in keys))
    more = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
