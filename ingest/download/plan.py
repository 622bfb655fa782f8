"""What is to be done, from the archive's list and the state of the folder. Pure: no network, no disk."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ingest.download.archives import PART, SIDE, ArchiveFile

Action = Literal["keep", "resume", "fetch"]


@dataclass(frozen=True, kw_only=True)
class PartState:
    """A download that was cut short.

    Attributes:
        length: Bytes that are here.
        size: Bytes that the file was to have.
        md5: Checksum that the file was to have.
    """

    length: int
    size: int
    md5: str


@dataclass(frozen=True, kw_only=True)
class FolderState:
    """What lies in a folder, without a look into the files.

    Attributes:
        sizes: Bytes of every file, by name.
        parts: Downloads that were cut short, by the name of the finished file.
        verified: Checksum of files that were verified before and are unchanged since, by name.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, PartState] = field(default_factory=dict)
    verified: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A file in the folder that may be one of the archive: its size fits.

    Attributes:
        file: What it may be.
        found_as: Its name in the folder; a browser may have changed it.
        known: It was verified before.
    """

    file: ArchiveFile
    found_as: str
    known: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do for one file.

    Attributes:
        file: Of the archive.
        action: Keep the finished file, go on with a part, or fetch it from its first byte.
        have: Bytes that need not be fetched.
    """

    file: ArchiveFile
    action: Action
    have: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All steps of a download."""

    steps: tuple[Step, ...]

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(step.file.size for step in self.steps)

    @property
    def have(self) -> int:
        """Bytes that need not be fetched."""
        return sum(step.have for step in self.steps)

    @property
    def missing(self) -> int:
        """Bytes to fetch, which is also what the disk still has to take."""
        return self.total - self.have


def find_candidates(files: Sequence[ArchiveFile], state: FolderState) -> Iterator[Candidate]:
    """Files in the folder worth a checksum; a right name comes alone, else every stranger of the same size."""
    listed = {file.name for file in files}
    strangers = [
        name
        for name in sorted(state.sizes)
        if name not in listed and not name.endswith((PART, SIDE)) and name[0] != "."
    ]
    for file in files:
        if state.sizes.get(file.name) == file.size:
            known = file.md5 != "" and state.verified.get(file.name) == file.md5
            yield Candidate(file=file, found_as=file.name, known=known)
        elif file.md5 and file.size > 0:
            for name in strangers:
                if state.sizes[name] == file.size:
                    yield Candidate(file=file, found_as=name, known=False)


def make_plan(files: Sequence[ArchiveFile], state: FolderState, intact: Collection[str]) -> Plan:
    """The steps for the files, in their order.

    Args:
        files: What is wanted.
        state: Of the folder.
        intact: Names of files that are here and need not be fetched.
    """
    return Plan(steps=tuple(_step(file, state.parts.get(file.name), file.name in intact) for file in files))


def _step(file: ArchiveFile, part: PartState | None, intact: bool) -> Step:
    if intact:
        return Step(file=file, action="keep", have=file.size)
    if part is not None and fits(part, file):
        return Step(file=file, action="resume", have=part.length)
    return Step(file=file, action="fetch", have=0)


def fits(part: PartState, file: ArchiveFile) -> bool:
    """Whether a part is of this very file: same checksum and size, and not longer than it."""
    return (part.md5, part.size) == (file.md5, file.size) and 0 < part.length <= file.size
