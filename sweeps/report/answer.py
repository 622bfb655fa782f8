"""What a report says in sentences: the answer, and what to be wary of."""

from collections.abc import Sequence

from sweeps.report.cells import FEW_SCENES, Comparison, Difference
from sweeps.report.evidence import Evidence, Key
from sweeps.report.score_tables import reading, text_of
from sweeps.report.wording import cell_label, is_share, metric_label, plural

_NAMED = 6
"""Most cells that a sentence names."""


def answers(comparison: Comparison) -> list[str]:
    """The best cell of each task, and which others are told apart from it."""
    if not comparison.keys:
        return [f"No finished trial has {comparison.objective}: there is nothing to compare yet."]
    return [sentence for task in comparison.evidence.tasks for sentence in _of_task(comparison, task)]


def warnings(comparison: Comparison) -> list[str]:
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
        found.append(f"One seed has no spread, and a difference of one seed may be luck: {_named(comparison, few)}.")
    found += _about_scenes(comparison)
    for run_id, problem in list(evidence.unread.items())[:_NAMED]:
        found.append(f"The result of run {run_id} could not be read, so it has no interval: {problem}.")
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


def _of_task(comparison: Comparison, task: str) -> list[str]:
    best, reference = comparison.best(task), comparison.reference(task)
    if best is None or reference is None:
        return []
    where = f"{task}: " if len(comparison.evidence.tasks) > 1 else ""
    every = comparison.differences(task)
    unit = " %" if is_share(comparison.objective) else ""
    spread = comparison.spread(best, comparison.objective)
    value = text_of(comparison.objective)(spread.mean, spread.spread)
    found = [
        f"{where}best is {_name(comparison, best)} with {metric_label(comparison.objective)} {value}{unit} "
        f"({plural(spread.n, 'seed')})."
    ]
    from_best = [each for each in every if each.against == best]
    if not from_best:
        return [*found, "No other cell has finished, so there is nothing to compare it with."]
    groups = (
        ("Worse than it", [each for each in from_best if reading(comparison, each) == "worse"]),
        ("Worse, but not for every seed", [each for each in from_best if reading(comparison, each).endswith("seed")]),
        ("Not told apart from it", [each for each in from_best if each.verdict == "not told apart"]),
        ("Without an interval", [each for each in from_best if each.verdict == "unknown"]),
    )
    for words, some in groups:
        if some:
            named = some if words == "Worse than it" else sorted(some, key=lambda each: -each.value)
            found.append(f"{words}: {_named(comparison, [each.key for each in named])}.")
    if best != reference:
        (own,) = (each for each in every if each.key == best and each.against == reference)
        found.append(f"Against the reference {_name(comparison, reference)} it is {_in_numbers(comparison, own)}.")
    return found


def _in_numbers(comparison: Comparison, each: Difference) -> str:
    write = text_of(comparison.objective)
    unit = " % points" if is_share(comparison.objective) else ""
    if not each.interval.known:
        return f"{write(abs(each.value))}{unit} {'higher' if each.value > 0 else 'lower'}, without an interval"
    low, high = (f"{'−' if value < 0 else ''}{write(abs(value))}" for value in (each.interval.low, each.interval.high))
    return f"{reading(comparison, each)} ({write(each.value)}{unit}, interval {low} to {high})"


def _about_scenes(comparison: Comparison) -> list[str]:
    counts = {key: comparison.scenes(key) for key in comparison.keys}
    if comparison.metric is None:
        return [
            f"{comparison.objective} does not follow from confusion matrices of scenes, so differences have no "
            "interval: go by the spread over seeds."
        ]
    found = []
    few = {key: count for key, count in counts.items() if 0 < count < FEW_SCENES}
    if few:
        least = min(few.values())
        found.append(
            f"{plural(least, 'test scene')} {'is' if least == 1 else 'are'} too few to say what others would give; "
            f"take the intervals of these as a hint only: {_named(comparison, list(few))}."
        )
    every = [each for task in comparison.evidence.tasks for each in comparison.differences(task)]
    if any(each.own_scenes for each in every):
        found.append("Some cells were tested on other scenes: their differences are over the scenes that both have.")
    unpaired = [each.key for each in every if not each.seeds]
    if unpaired:
        found.append(f"Without a common seed there is no difference: {_named(comparison, unpaired)}.")
    return found


def _name(comparison: Comparison, key: Key) -> str:
    return cell_label(comparison.evidence.axes, key)


def _named(comparison: Comparison, keys: Sequence[Key]) -> str:
    names = list(dict.fromkeys(_name(comparison, key) for key in keys))
    more = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
