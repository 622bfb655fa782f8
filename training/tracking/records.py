"""What a trial reports, as records that wait in a journal to be sent (see `training.tracking.journal`).

Every record carries its own time, so that sending it a second time changes nothing at the receiver. Times are
milliseconds since 1970.
"""

import time
import zlib
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from training.tracking.tracker import DatasetNote, Status


def now_ms() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)


class _Record(BaseModel):
    # Constants: a loss may be NaN, which would become null.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class StartRecord(_Record):
    """An attempt begins; always the first record.

    Attributes:
        attempt: Unique name; the tag by which its run is found again.
        tracking_uri: The server that it is meant for, without user and password.
        experiment: MLflow's experiment: the study.
    """

    kind: Literal["start"] = "start"
    time: int
    attempt: str
    tracking_uri: str
    experiment: str
    trial_id: str
    tags: dict[str, str]


class ParamsRecord(_Record):
    """Flattened spec, as text."""

    kind: Literal["params"] = "params"
    values: dict[str, str]


class MetricsRecord(_Record):
    """Numbers of one moment: at an epoch, or (step 0) once for the trial."""

    kind: Literal["metrics"] = "metrics"
    time: int
    step: int
    values: dict[str, float]


class TagsRecord(_Record):
    """Tags of one moment, which later ones replace."""

    kind: Literal["tags"] = "tags"
    time: int
    values: dict[str, str]


class FileRecord(_Record):
    """A copied file, or a copied folder whose content goes right into `folder` of the run's artifacts ("": their root).

    Attributes:
        kept: Path of the copy below the attempt.
        folder: Folder among the artifacts.
        size: Bytes of the copy, so that one that a crash of the machine cut short is recognized.
    """

    kind: Literal["file"] = "file"
    kept: str
    folder: str
    size: int


class TextRecord(_Record):
    """A text artifact; `name` may hold folders."""

    kind: Literal["text"] = "text"
    name: str
    text: str


class DatasetRecord(_Record):
    """Scenes that the trial reads."""

    kind: Literal["dataset"] = "dataset"
    note: DatasetNote


class FinishRecord(_Record):
    """The attempt is over; always the last record."""

    kind: Literal["finish"] = "finish"
    time: int
    status: Status


Artifact = FileRecord | TextRecord

Record = (
    StartRecord | ParamsRecord | MetricsRecord | TagsRecord | FileRecord | TextRecord | DatasetRecord | FinishRecord
)

_READER: Final[TypeAdapter[Record]] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def to_line(record: Record) -> bytes:
    """CRC-32 of the JSON in hex, a space, the JSON, a newline."""
    text = record.model_dump_json().encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def from_line(line: bytes) -> Record | None:
    """The record of a whole line; None for one that is cut short or damaged.

    Raises:
        ValueError: The line is whole, but of another version of this project.
    """
    check, _, text = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or check != b"%08x" % zlib.crc32(text):
        return None
    return _READER.validate_json(text)
