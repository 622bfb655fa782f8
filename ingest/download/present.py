"""What is in the folder already, from an earlier run or by hand: a whole file is told by its checksum."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ingest.download.archives import PublishedFile
from ingest.download.fetch import PartialFile
from ingest.download.folder import PART, SIDE, OnProgress, md5_of, note_verified, verified


class Candidate(NamedTuple):
    """A file in the folder that may be one of the archive: its size fits.

    Attributes:
        file: What it may be.
        found_as: Its name in the folder; a browser may have changed it.
        known: It was verified before.
    """

    file: PublishedFile
    found_as: str
    known: bool


class Verified(NamedTuple):
    """What the checksums say.

    Attributes:
        intact: Names of files that need not be fetched.
        renamed: Old name of files that got the archive's name now.
        corrupt: Names of files that were not what they are called, and are deleted.
    """

    intact: set[str]
    renamed: dict[str, str]
    corrupt: list[str]


def find_candidates(files: Sequence[PublishedFile], folder: Path) -> list[Candidate]:
    """Files in the folder worth a checksum; a right name comes alone, else every stranger of the same size."""
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*")) if path.is_file()}
    before = verified(folder)
    listed = {file.name for file in files}
    strangers = [name for name in sizes if name not in listed and not name.endswith((PART, SIDE)) and name[0] != "."]
    found: list[Candidate] = []
    for file in files:
        if sizes.get(file.name) == file.size:
            found.append(Candidate(file, file.name, known=file.md5 != "" and before.get(file.name) == file.md5))
        elif file.md5 and file.size > 0:
            found += [Candidate(file, name, known=False) for name in strangers if sizes[name] == file.size]
    return found


def verify(candidates: Iterable[Candidate], folder: Path, on_progress: OnProgress) -> Verified:
    """Checks the candidates; what was verified before and is unchanged is not read again."""
    result = Verified(set(), {}, [])
    for file, found_as, known in candidates:
        if file.name in result.intact or found_as in result.renamed.values():
            continue
        path, target = folder / found_as, folder / file.name
        if known or not file.md5:  # where the list has no checksum, name and size are all there is
            result.intact.add(file.name)
        elif md5_of(path, partial(on_progress, found_as, "checking")) == file.md5:
            if path != target:
                path.replace(target)
                result.renamed[file.name] = found_as
            note_verified(target, file.md5)
            result.intact.add(file.name)
        elif path == target:
            path.unlink()
            result.corrupt.append(file.name)
    return result


def bytes_here(files: Iterable[PublishedFile], folder: Path, intact: Collection[str]) -> dict[str, int]:
    """Bytes by name that need not be fetched: of whole files all, of files that were cut short those that came."""
    return {file.name: file.size if file.name in intact else PartialFile(folder, file).length for file in files}
