"""Files that are in the folder already, from an earlier run or by hand: the checksum decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.download.folder import OnProgress, md5_of, note_verified
from ingest.download.plan import Candidate


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What the checksums say.

    Attributes:
        intact: Names of files that need not be fetched.
        renamed: Old name of files that got the archive's name now.
        corrupt: Names of files that were not what they are called, and are deleted.
    """

    intact: frozenset[str]
    renamed: dict[str, str]
    corrupt: tuple[str, ...]


def verify(candidates: Iterable[Candidate], folder: Path, on_progress: OnProgress) -> Verified:
    """Checks the candidates; what was verified before and is unchanged is not read again."""
    intact: set[str] = set()
    renamed: dict[str, str] = {}
    corrupt: list[str] = []
    for candidate in candidates:
        file, path = candidate.file, folder / candidate.found_as
        if file.name in intact or candidate.found_as in renamed.values():
            continue
        if candidate.known or not file.md5:  # where the list has no checksum, name and size are all there is
            intact.add(file.name)
        elif _md5(path, file.size, on_progress) == file.md5:
            if candidate.found_as != file.name:
                path = path.replace(folder / file.name)
                renamed[file.name] = candidate.found_as
            note_verified(path, file.md5)
            intact.add(file.name)
        elif candidate.found_as == file.name:
            path.unlink()
            corrupt.append(file.name)
    return Verified(intact=frozenset(intact), renamed=renamed, corrupt=tuple(corrupt))


def _md5(path: Path, size: int, on_progress: OnProgress) -> str:
    return md5_of(path, lambda done: on_progress(path.name, "checking", done, size))
