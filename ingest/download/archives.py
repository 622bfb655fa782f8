"""Which archives there are, and how their lists of files are read. Pure: no network, no disk.

A list comes from the network and its names become files, so a name is cleaned before anything else sees it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel, NonNegativeInt, TypeAdapter, ValidationError

from datasets.errors import UnknownNameError, unknown_name
from ingest.download.errors import ArchiveListError

DEFAULT_URL: Final = "https://api.figshare.com/v2"
"""Root of the archive's interface; `/file/download/ID` under it serves scripts where the web pages' links do not."""

PART: Final = ".part"
SIDE: Final = ".part.json"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One published article, pinned to a version: a later version is another dataset.

    Attributes:
        name: What users call it.
        article: Number of the article.
        version: Number of its version.
        split: Value of `build --split` for its scenes; None where `build` does not read them.
    """

    name: str
    article: int
    version: int
    split: str | None

    @property
    def page(self) -> str:
        """Where a person finds the files with a browser."""
        return f"https://doi.org/10.11583/DTU.{self.article}.v{self.version}"


ARCHIVES: Final = {
    archive.name: archive
    for archive in (
        Archive(name="raw-train", article=21284967, version=3, split="train"),
        Archive(name="raw-test", article=21762848, version=2, split="test"),
        Archive(name="rtt-train", article=21316608, version=3, split=None),
        Archive(name="rtt-test", article=21762830, version=2, split=None),
    )
}


@dataclass(frozen=True, kw_only=True)
class ArchiveFile:
    """One file of an archive.

    Attributes:
        name: Safe as a file name.
        size: Bytes.
        md5: Hex digits, lower case; empty where the list has none.
        urls: Stable addresses, the first is asked first. None of them is a signed address that expires.
    """

    name: str
    size: int
    md5: str
    urls: tuple[str, ...]


class Entry(BaseModel):
    """A row of the archive's list, as far as it matters here."""

    id: NonNegativeInt
    name: str
    size: NonNegativeInt
    download_url: str | None = None
    computed_md5: str | None = None
    supplied_md5: str | None = None


_ENTRIES = TypeAdapter(list[Entry])


def find_archive(name: str) -> Archive:
    """The archive of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in ARCHIVES:
        raise unknown_name("archive", name, ARCHIVES)
    return ARCHIVES[name]


def read_page(text: bytes, source: str) -> list[Entry]:
    """Reads one page of a list.

    Args:
        text: JSON.
        source: Its address, for the message.

    Raises:
        ArchiveListError: It is no list of files.
    """
    try:
        return _ENTRIES.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise ArchiveListError(
            f"{source} answers with no list of files ({'.'.join(map(str, first['loc'])) or 'page'}: {first['msg']}): "
            "give the root of a figshare interface with --base-url, or try later"
        ) from error


def to_files(entries: Iterable[Entry], base_url: str) -> list[ArchiveFile]:
    """Rows of the list -> files with safe and distinct names, sorted by name."""
    files: list[ArchiveFile] = []
    taken: set[str] = set()
    for entry in sorted(entries, key=lambda entry: (entry.name, entry.id)):
        name = safe_name(entry.name) or f"file-{entry.id}"
        if not taken.isdisjoint(_claims(name)):
            name = f"{entry.id}-{name}"
        taken |= _claims(name)
        addresses = [f"{base_url}/file/download/{entry.id}"]
        if entry.download_url and entry.download_url.startswith(("https://", "http://")):
            addresses.append(entry.download_url)
        md5 = (entry.computed_md5 or entry.supplied_md5 or "").lower()
        files.append(ArchiveFile(name=name, size=entry.size, md5=md5, urls=tuple(dict.fromkeys(addresses))))
    return sorted(files, key=lambda file: file.name)


def safe_name(name: str) -> str:
    """A name that stays in its folder on every system; empty if nothing is left of it."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", last).strip(" .")[-200:]


def select(files: Sequence[ArchiveFile], only: Sequence[str]) -> list[ArchiveFile]:
    """Files whose name matches one of the patterns; all of them if there is no pattern.

    Raises:
        UnknownNameError: A pattern matches no file.
    """
    names = [file.name for file in files]
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            near = get_close_matches(pattern, names, n=1) or names[:1]
            raise UnknownNameError(
                f"no file matches {pattern!r}: the archive holds {len(names)} files"
                + (f", such as {near[0]!r}" if near else "")
                + "; see them all with --dry-run"
            )
    return [file for file in files if not only or any(fnmatchcase(file.name, pattern) for pattern in only)]


def _claims(name: str) -> set[str]:
    """What a file occupies while it is fetched, on disks that do not tell A from a too."""
    return {(name + suffix).casefold() for suffix in ("", PART, SIDE)}
