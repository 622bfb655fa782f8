"""Every trial of a study as one line: started ones by their rows in MLflow, the others by the design. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeps.record.design import StudyDesign
from sweeps.record.forecast import OpenTrial, seconds_left
from sweeps.record.run_tags import (
    NODE,
    Ordered,
    alive_at,
    best_val_f1,
    cell_of_name,
    epochs_done,
    place_name,
    seed_of,
    tagged_axes,
    value_on,
)
from sweeps.record.state import TrialState, states_of
from sweeps.record.study import TrialRow
from training.evaluation.metric_names import USUAL_SCORES

WAITING: Final = "waiting"
MISSING: Final = "missing"
_ORDER: Final = ("running", "failed", "killed", "stopped", "finished", WAITING, MISSING)
"""What a person looks for comes first."""


@dataclass(frozen=True, kw_only=True)
class TrialLine:
    """One trial; what is not known is None or empty.

    Attributes:
        name: Its place in the study, `task=pixel data.ratio=5 seed=1`.
        state: That of `TrialState`; `waiting` where the driver is going to run it, `missing` where nobody is.
        tries: Attempts.
        epochs: Epochs that are done.
        most_epochs: That it may train.
        val_f1: Best so far; of a finished trial that of its best epoch.
        test_f1: The usual test score.
        node: Where it runs or ran.
        alive: Last sign of life of a trial that is not over, in seconds since 1970.
        end: When a trial that is not over will end, likewise.
    """

    name: str
    state: str
    tries: int = 0
    epochs: int | None = None
    most_epochs: int | None = None
    val_f1: float | None = None
    test_f1: float | None = None
    node: str = ""
    alive: float | None = None
    end: float | None = None


def trial_lines(
    design: StudyDesign | None, ordered: Ordered | None, rows: Sequence[TrialRow], now: float, *, runs: bool
) -> list[TrialLine]:
    """Lines of all trials, running ones first.

    Args:
        design: What the study set out to do; without it only started trials are known.
        ordered: What its driver set out to run.
        rows: Every attempt.
        now: In seconds since 1970.
        runs: Whether the study runs; else nothing waits, and nothing is expected.
    """
    axes = tuple(design.axes) if design is not None else tagged_axes(rows)
    states = list(states_of(rows).values())
    started = {_name(axes, state): state for state in states}
    names = list(dict.fromkeys([*_named(design), *started]))
    waits = [name for name in names if runs and _waits(started.get(name), name, ordered)]
    unnamed = (design.trials if design is not None else 0) - len(names)
    running = [name for name, state in started.items() if state.state == "running"]
    places = {name: place for place, name in enumerate((ordered and ordered.names) or names)}
    waits.sort(key=lambda name: places.get(name, len(places)))
    open_trials = [*(_open(name, started[name], now) for name in running), *(_open(name, None, now) for name in waits)]
    left = seconds_left(open_trials, durations_by_cell(started), len(running)) if runs else [None] * len(open_trials)
    ends = {name: None if each is None else now + each for name, each in zip([*running, *waits], left, strict=True)}
    lines = [_line(name, started.get(name), ends.get(name), waits=name in waits) for name in names]
    if unnamed > 0:  # a search makes them up while it runs
        lines.append(TrialLine(name=f"{unnamed} more", state=WAITING if runs else MISSING))
    return sorted(lines, key=lambda line: _ORDER.index(line.state))


def counts_of(lines: Iterable[TrialLine]) -> str:
    """`3 finished, 1 running, 2 waiting`."""
    counts = Counter(line.state for line in lines)
    return ", ".join(f"{counts[state]} {state}" for state in _ORDER if counts[state])


def _name(axes: Sequence[str], state: TrialState) -> str:
    assert state.row is not None  # there is one where there was an attempt
    return place_name(axes, [value_on(state.row, axis) for axis in axes], seed_of(state.row))


def _named(design: StudyDesign | None) -> list[str]:
    if design is None:
        return []
    return [place_name(tuple(design.axes), cell, seed) for cell in design.expected_cells() for seed in design.seeds]


def _waits(state: TrialState | None, name: str, ordered: Ordered | None) -> bool:
    """Whether the driver has it before it: it was ordered, and no attempt began since."""
    if ordered is not None and ordered.names is not None and name not in ordered.names:
        return False
    if state is None or state.row is None:
        return True
    return ordered is not None and state.state not in ("finished", "running") and state.row.started < ordered.at


def _open(name: str, state: TrialState | None, now: float) -> OpenTrial:
    if state is None or state.row is None:
        return OpenTrial(cell=cell_of_name(name))
    most = _most_epochs(state.row)
    share = (epochs_done(state.row.tags) or 0) / most if most else 0.0
    return OpenTrial(cell=cell_of_name(name), running=max(now - state.row.started / 1000, 0.0), share=share)


def durations_by_cell(states: Mapping[str, TrialState]) -> dict[str, list[float]]:
    """Seconds that finished trials took, by the names of their cells; states are by the names of trials."""
    found: dict[str, list[float]] = {}
    for name, state in states.items():
        row = state.row
        if state.state == "finished" and row is not None and row.ended is not None:
            found.setdefault(cell_of_name(name), []).append((row.ended - row.started) / 1000)
    return found


def _most_epochs(row: TrialRow) -> int | None:
    text = row.params.get("loop.max_epochs", "")
    return int(text) if text.isdecimal() and "explains" not in row.tags else None


def _line(name: str, state: TrialState | None, end: float | None, *, waits: bool) -> TrialLine:
    if state is None or state.row is None:
        return TrialLine(name=name, state=WAITING if waits else MISSING, end=end)
    row, metrics = state.row, state.row.metrics
    so_far = best_val_f1(row.tags)
    return TrialLine(
        name=name,
        state=WAITING if waits else state.state,
        tries=state.attempts,
        epochs=epochs_done(row.tags),
        most_epochs=_most_epochs(row),
        val_f1=metrics.get("best/val_f1", so_far if so_far is not None else metrics.get("val/f1")),
        test_f1=next((metrics[score] for score in USUAL_SCORES if score in metrics), None),
        node=row.tags.get(NODE, ""),
        alive=(alive_at(row.tags) or row.started / 1000) if state.state == "running" else None,
        end=end,
    )
