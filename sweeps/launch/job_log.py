"""What a job shows while trials run: a line for each that is over, with its score and when the rest will end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sweeps.launch.trials import Event
from sweeps.record.forecast import OpenTrial, clock, duration, seconds_left
from sweeps.record.run_tags import cell_of_name
from sweeps.record.state import STOPPED
from sweeps.record.study import StudyTracker
from training.evaluation.metric_names import USUAL_SCORES
from training.tracking.server import TrackingError

_SHORT_S: Final = 1.0
"""Trials that took less did nothing that could tell how long the others will take."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The trials that a job shows.

    Attributes:
        study: Its record, which has the scores.
        objective: Metric by which its trials are compared; empty where they have none.
        names: Of the trials in their order; empty texts where a search makes them up.
        durations: Seconds that trials took which were finished before, by the name of their cell.
    """

    study: StudyTracker
    objective: str
    names: Sequence[str]
    durations: dict[str, list[float]] = field(default_factory=dict)


class JobLog:
    """Turns events into lines; `now` is the clock, in seconds since 1970."""

    def __init__(self, watched: Watched, now: Callable[[], float] = time.time) -> None:
        self._watched = watched
        self._now = now
        self._waiting = list(watched.names)
        self._running: dict[str, float] = {}
        self._shares: dict[str, float] = {}
        self._slots = 0
        self._ended = 0
        self._durations = {cell: list(each) for cell, each in watched.durations.items()}

    def line(self, event: Event) -> str:
        """What to print for an event; empty where that is nothing."""
        if event.name not in self._running:
            self._running[event.name] = self._now()
            if self._waiting:
                self._waiting.remove(event.name if event.name in self._waiting else self._waiting[-1])
            self._slots = max(self._slots, len(self._running))
        self._shares[event.name] = event.epoch / event.epochs if event.epochs else 0.0
        return self._of_end(event) if event.ended else ""

    def _of_end(self, event: Event) -> str:
        self._ended += 1
        seconds = self._now() - self._running.pop(event.name)
        word, score = "failed", ""
        if not event.failed:
            word, score = self._score(event.trial_id)
            if word == "finished" and seconds >= _SHORT_S:
                self._durations.setdefault(cell_of_name(event.name), []).append(seconds)
        total = len(self._watched.names)
        said = ", ".join(filter(None, (score, duration(seconds))))
        return f"[{self._ended}/{total}] {word} {event.name}: {said}; {self._rest(total - self._ended)}"

    def _rest(self, left: int) -> str:
        if not left:
            return "none left"
        now = self._now()
        trials = [
            OpenTrial(cell=cell_of_name(name), running=now - since, share=self._shares.get(name, 0.0))
            for name, since in self._running.items()
        ]
        trials += [OpenTrial(cell=cell_of_name(name)) for name in self._waiting]
        ends = [each for each in seconds_left(trials, self._durations, self._slots) if each is not None]
        return f"{left} left" + (f", end about {clock(now + max(ends), now)}" if ends else "")

    def _score(self, trial_id: str) -> tuple[str, str]:
        """How the trial ended, and its score, by its record; a server that is away costs nothing but these."""
        try:
            row = self._watched.study.newest_row(trial_id)
        except TrackingError:
            row = None
        if row is None or row.status == "RUNNING":
            return "ended", "its result is not in MLflow yet"
        word = "finished" if row.status == "FINISHED" else "stopped" if STOPPED in row.metrics else "ended"
        metrics = row.metrics
        scores = [f"{name} {metrics[name]:.3f}" for name in (self._watched.objective, *USUAL_SCORES) if name in metrics]
        return word, next(iter(scores), "")
