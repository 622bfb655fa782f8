"""What is in the folder already, from an earlier run or by hand: a whole file is told by its checksum."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path

from ingest.download.archives import PublishedFile
from ingest.download.fetch import PartialFile
from ingest.download.folder import PART, SIDE, OnProgress, is_verified, md5_of, note_verified

Candidate = tuple[PublishedFile, Path]
"""What a file in the folder may be by its size, and where it lies; a browser may have changed its name."""


def find_candidates(files: Sequence[PublishedFile], folder: Path) -> list[Candidate]:
    """Files in the folder worth a checksum; a right name comes alone, else every stranger of the same size."""
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*")) if path.is_file()}
    listed = {file.name for file in files}
    strangers = [name for name in sizes if name not in listed and not name.endswith((PART, SIDE)) and name[0] != "."]
    found: list[Candidate] = []
    for file in files:
        if sizes.get(file.name) == file.size:
            found.append((file, folder / file.name))
        elif file.md5 and file.size > 0:
            found += [(file, folder / name) for name in strangers if sizes[name] == file.size]
    return found


def verify(candidates: Iterable[Candidate], folder: Path, on_progress: OnProgress) -> tuple[set[str], list[str]]:
    """Checks the candidates; what was verified before and is unchanged is not read again.

    A file that is another's by its checksum gets that name; one that is not what it is called is deleted.

    Returns:
        Names of files that need not be fetched, and a sentence for each that was renamed or deleted.
    """
    intact: set[str] = set()
    sentences: list[str] = []
    for file, path in candidates:
        if file.name in intact or not path.exists():
            continue
        # Where the list has no checksum, name and size are all there is.
        if not file.md5 or (path.name == file.name and is_verified(path, file.md5)):
            on_progress(file.name, "checking", file.size, file.size)
            intact.add(file.name)
        elif md5_of(path, partial(on_progress, path.name, "checking")) == file.md5:
            if path.name != file.name:
                sentences.append(f"{path.name} is {file.name} by its checksum and is called that now")
            note_verified(path.replace(folder / file.name), file.md5)
            intact.add(file.name)
        elif path.name == file.name:
            path.unlink()
            sentences.append(f"{file.name} did not have the archive's checksum: fetched anew")
    return intact, sentences


def bytes_here(files: Iterable[PublishedFile], folder: Path, intact: Collection[str]) -> dict[str, int]:
    """Bytes by name that need not be fetched: of whole files all, of files that were cut short those that came."""
    return {file.name: file.size if file.name in intact else PartialFile(folder, file).length for file in files}
