"""`Tracker`: what a trial tells about itself, whoever listens; and one that keeps everything in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from training.spec import TrialSpec

Status = Literal["FINISHED", "FAILED", "KILLED"]


class Tracker(Protocol):
    """The listener: `start` once, then anything, then `finish` once."""

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Begins the record of one attempt at a trial."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Notes numbers, at an epoch or (without step) once for the trial."""

    def log_file(self, path: Path, folder: str = "") -> None:
        """Copies a file into the record's `folder`."""

    def log_text(self, text: str, name: str) -> None:
        """Writes a text file into the record."""

    def finish(self, status: Status) -> None:
        """Ends the record."""


@dataclass
class MemoryTracker:
    """Keeps everything in memory: for tests, and for a trial that nobody wants tracked."""

    spec: TrialSpec | None = None
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[int | None, dict[str, float]]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    status: Status | None = None

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Keeps spec and tags."""
        self.spec, self.tags = spec, dict(tags)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Appends one (step, metrics) pair."""
        self.metrics.append((step, dict(metrics)))

    def log_file(self, path: Path, folder: str = "") -> None:
        """Keeps the name; a file that is not there is an error here as it is for MLflow."""
        if not path.is_file():
            raise FileNotFoundError(path)
        self.files.append(f"{folder}/{path.name}" if folder else path.name)

    def log_text(self, text: str, name: str) -> None:
        """Keeps the text."""
        self.texts[name] = text

    def finish(self, status: Status) -> None:
        """Keeps the status."""
        self.status = status
