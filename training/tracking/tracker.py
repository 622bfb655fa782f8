"""`Tracker`: what a trial reports of itself, whoever listens; and one that keeps everything in memory."""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from datasets.catalog import Catalog
from datasets.lake import Lake
from training.spec import TrialSpec
from training.tracking.server import without_secrets

logger = logging.getLogger(__name__)

Status = Literal["FINISHED", "FAILED", "KILLED"]

SYNTHETIC: Final = "synthetic"
"""Tag of a trial on synthetic scenes."""


class DatasetNote(BaseModel):
    """The scenes of one split that a trial reads, for its record.

    Attributes:
        url: Of the lake; user, password and query (which may hold a signature) are taken out.
        digest: `Lake.digest`, and `recipe` is `Lake.recipe_digest`.
        context: What the trial does with them.
        profile: More to know about them: counts by season, pixels by class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    url: str
    digest: str = Field(min_length=1, max_length=27)  # MLflow takes 36, and the hash of the profile is put behind it
    recipe: str
    context: Literal["train", "val", "test"]
    scenes: int = Field(ge=0)
    profile: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _without_secrets(cls, url: str) -> str:
        return without_secrets(url)


class Tracker(Protocol):
    """The listener: `check` before anything is taken for the trial, `start` once, then anything, then `finish` once.

    Attributes:
        keeps_models: Whether `log_model` is worth the seconds that writing a model takes.
    """

    keeps_models: bool

    def check(self) -> None:
        """Raises what `start` would raise where no record can be kept; begins nothing."""

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Begins the record of one attempt at a trial."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Notes numbers, at an epoch or (without step) once for the trial."""

    def log_file(self, path: Path, folder: str = "") -> None:
        """Copies a file into the record's `folder`; the original may change or go afterwards."""

    def log_text(self, text: str, name: str) -> None:
        """Writes a text file into the record."""

    def log_dataset(self, dataset: DatasetNote) -> None:
        """Notes which scenes the trial reads; once for each split."""

    def log_model(self, folder: Path) -> None:
        """Copies a folder that `training.artifacts.model_export` wrote into the record, as `model`."""

    def finish(self, status: Status) -> None:
        """Ends the record."""


def record_failure(tracker: Tracker, error: BaseException) -> None:
    """Ends the record with the error; a tracker that is away, or a full disk, must not hide the error itself."""
    try:
        tracker.log_text("".join(traceback.format_exception(error)), "error.txt")
        tracker.finish("KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED")
    except OSError as away:  # TrackingError, OutboxError
        logger.warning("the failure of the trial is not on record: %s", away)


@dataclass
class MemoryTracker:
    """Keeps everything in memory: for tests, and for a trial that nobody wants tracked."""

    keeps_models: bool = False

    spec: TrialSpec | None = None
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[int | None, dict[str, float]]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    datasets: list[DatasetNote] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    status: Status | None = None

    def check(self) -> None:
        """Memory is always there."""

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

    def log_dataset(self, dataset: DatasetNote) -> None:
        """Keeps the note."""
        self.datasets.append(dataset)

    def log_model(self, folder: Path) -> None:
        """Keeps the folder's name; one that is not there is an error here as it is for MLflow."""
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        self.models.append(folder.name)

    def finish(self, status: Status) -> None:
        """Keeps the status."""
        self.status = status


def lake_tags(lake: Lake, tested: Catalog) -> dict[str, str]:
    """Tags of a trial: digests of its lake, and whether the scenes that it is tested on are synthetic."""
    tags = {"recipe": lake.recipe_digest, "lake": lake.digest}
    return tags | ({SYNTHETIC: "true"} if tested.synthetic else {})
