"""MLflow rows -> `Evidence`: which trials of a study finished, with what labels, and what became of the others."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from sweeps.record.design import StudyDesign
from sweeps.record.lake_note import LakeNote, lake_words
from sweeps.record.run_tags import seed_of, value_on
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow
from sweeps.report.labels import Key, added_axis, design_from_rows, ordered, task_of_row
from sweeps.report.wording import TASK_AXES, task_label
from training.evaluation.result import TrialResult
from training.tracking.tracker import SYNTHETIC


@dataclass(frozen=True, kw_only=True)
class StartedTrial:
    """A trial of a cell, by its newest attempt that counts."""

    key: Key
    row: TrialRow

    @property
    def task(self) -> str:
        """`pixel-based` or `patch-based`."""
        return task_label(task_of_row(self.row))

    @property
    def seed(self) -> int:
        """By tag or param."""
        return seed_of(self.row)


@dataclass(frozen=True, kw_only=True)
class FinishedTrial(StartedTrial):
    """A trial that counts, and its result.json; None where it could not be read."""

    result: TrialResult | None

    @property
    def metrics(self) -> Mapping[str, float]:
        """Last value of each metric."""
        return self.row.metrics


@dataclass(frozen=True, kw_only=True)
class UnfinishedTrial(StartedTrial):
    """A trial that was started and has no finished attempt."""

    attempts: int
    error: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known about a study.

    Attributes:
        study: Its parent run.
        tracking_uri: Where the runs are, without user and password.
        design: What it set out to do, without a task that nobody started; made from the trials where not on record.
        idle: Trials of each task that nobody started, `{"patch-based": 9}`: one line of the report, not rows of "not
            finished". Empty if there is no trial at all.
        axes: Axes of the cells: those of the design, and the task where trials of both have no axis for it.
        keys: Cells in the order for readers, those without a trial too where the design names them.
        finished: Trials that count.
        unfinished: Trials without a finished attempt.
        left_out: Cells that the study does not run, with the reason.
        unread: Why result.json of a finished trial could not be read, by run_id.
        lost_attempts: Attempts that ended without finishing, or were replaced by a newer finished one.
        lost_hours: Their wall time in hours.
    """

    study: StudyRow
    tracking_uri: str
    design: StudyDesign
    idle: Mapping[str, int] = field(default_factory=dict)
    axes: tuple[str, ...]
    keys: tuple[Key, ...]
    finished: tuple[FinishedTrial, ...]
    unfinished: tuple[UnfinishedTrial, ...] = ()
    left_out: Mapping[Key, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    lost_attempts: int = 0
    lost_hours: float = 0.0

    @property
    def started(self) -> tuple[StartedTrial, ...]:
        """Trials that an attempt was made at."""
        return (*self.unfinished, *self.finished)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks of finished trials, in the order of their cells."""
        have = {trial.task for trial in self.finished}
        return tuple(task for task in dict.fromkeys(self.task_of.values()) if task in have)

    @cached_property
    def task_of(self) -> dict[Key, str]:
        """Task of every cell: of its trials, else by its axis, else that of the study's other trials."""
        of_trials = {trial.key: trial.task for trial in self.started}
        place = next((place for place, axis in enumerate(self.axes) if axis in TASK_AXES), None)
        other = next(iter(of_trials.values()), "pixel-based")
        by_axis = {key: task_label(key[place]) if place is not None else other for key in self.keys}
        return by_axis | of_trials

    @property
    def expected(self) -> int:
        """Trials that the study has, those of a task that nobody started too."""
        return sum(self.idle.values()) + max(self.design.trials, len(self.started))

    @property
    def lake(self) -> str:
        """Which lake, and how many scenes of each split it has, a sentence for captions."""
        made = any(SYNTHETIC in trial.row.tags for trial in self.finished)
        note = self.study.lake_note
        results = [trial.result for trial in self.finished if trial.result is not None]
        sets = [(each.trained_on, each.tested_on) for each in results]
        known = [(one.scenes, other.scenes) for one, other in sets if one is not None and other is not None]
        if note is None and known:  # of an earlier program, whose cells may each have trained on fewer scenes
            train, test = (max(counts) for counts in zip(*known, strict=True))
            note = LakeNote(splits={"train": train, "test": test}, synthetic=made)
        return lake_words(self.study.lake, note, synthetic=made)

    def trials_of(self, key: Key) -> tuple[FinishedTrial, ...]:
        """Finished trials of a cell, by seed."""
        return tuple(sorted((trial for trial in self.finished if trial.key == key), key=lambda trial: trial.seed))

    def never_started(self) -> tuple[list[tuple[Key, int]], int]:
        """Cell and seed of trials that no attempt was made at, and how many more there are that cannot be named."""
        started = {(trial.key, trial.seed) for trial in self.started}
        cells = self.design.expected_cells() if len(self.axes) == len(self.design.axes) else ()
        named = [(key, seed) for key in cells for seed in self.design.seeds if (key, seed) not in started]
        count = max(self.design.trials - len(self.started), 0)
        return named, max(count - len(named), 0)

    def frame(self) -> pd.DataFrame:
        """One row for each finished trial: axes, seed, ids, and every metric."""
        rows = [
            {
                **dict(zip(self.axes, trial.key, strict=True)),
                "seed": trial.seed,
                "trial_id": trial.row.trial_id,
                "run_id": trial.row.run_id,
                **trial.metrics,
            }
            for key in self.keys
            for trial in self.trials_of(key)
        ]
        return pd.DataFrame(rows)


def collect(
    study: StudyRow,
    tracking_uri: str,
    rows: Sequence[TrialRow],
    results: Mapping[str, TrialResult],
    *,
    unread: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Evidence:
    """Sorts the attempts of a study, every one at every trial, oldest first.

    By run_id are `results` (result.json), `unread` (why one could not be read) and `errors` (the last line of an
    error). The URI is without user and password.
    """
    attempts = Counter(_trial_of(row) for row in rows)
    newest = newest_attempts(rows)
    design = study.design or design_from_rows(study.question, newest)
    design, idle = _started(design, newest)
    added = added_axis(design, [row for row in newest if row.status == "FINISHED"])
    axes = (*added, *design.axes)

    def key_of(row: TrialRow) -> Key:
        return (*(task_of_row(row) for _ in added), *(value_on(row, axis) for axis in design.axes))

    finished = {  # of a seed that finished under several ids the newest counts
        (key_of(row), seed_of(row)): FinishedTrial(key=key_of(row), row=row, result=results.get(row.run_id))
        for row in sorted(newest, key=lambda row: row.started)
        if row.status == "FINISHED"
    }
    unfinished = tuple(
        UnfinishedTrial(
            key=key_of(row),
            row=row,
            attempts=attempts[_trial_of(row)],
            error=(errors or {}).get(row.run_id, ""),
        )
        for row in newest
        if row.status != "FINISHED"
    )
    left_out = {each.cell: each.reason for each in design.left_out} if not added else {}
    planned = design.expected_cells() if not added else ()
    counted = {trial.row.run_id for trial in finished.values()}
    lost = [row for row in rows if row.run_id not in counted and row.status != "RUNNING"]
    return Evidence(
        study=study,
        tracking_uri=tracking_uri,
        design=design,
        idle=idle,
        axes=axes,
        keys=ordered(design, len(added), [*planned, *left_out, *map(key_of, newest)]),
        finished=tuple(finished.values()),
        unfinished=unfinished,
        left_out=left_out,
        unread=dict(unread or {}),
        lost_attempts=len(lost),
        lost_hours=sum((row.ended - row.started) / 3.6e6 for row in lost if row.ended is not None),
    )


def _started(design: StudyDesign, rows: Collection[TrialRow]) -> tuple[StudyDesign, dict[str, int]]:
    """The design of the tasks that somebody started, and how many trials the others have."""
    started = {task_label(task_of_row(row)) for row in rows}
    idle: dict[str, int] = {}
    for axis, values in design.axes.items():
        others = [value for value in values if task_label(value) not in started]
        if axis not in TASK_AXES or len(others) == len(values):
            continue
        for value in others:
            fewer = design.without(axis, value)
            idle[task_label(value)] = design.trials - fewer.trials
            design = fewer
    return design, idle


def newest_attempts(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """The attempt that counts for each trial: its newest finished one, else its newest."""
    attempts: dict[str, list[TrialRow]] = {}
    for row in rows:
        attempts.setdefault(_trial_of(row), []).append(row)
    return [max(tries, key=lambda row: (row.status == "FINISHED", row.started)) for tries in attempts.values()]


def _trial_of(row: TrialRow) -> str:
    return row.trial_id or row.run_id
