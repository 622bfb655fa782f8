"""The archive's own list of files. Names come from the network and become files, so they are cleaned first of all."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import count
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel, NonNegativeInt, TypeAdapter, ValidationError

from datasets.errors import UnknownNameError
from datasets.plural import plural
from ingest.download.archives import Archive, PublishedFile
from ingest.download.errors import ArchiveListError, WebError
from ingest.download.folder import PART, SIDE
from ingest.download.web import Web

DEFAULT_URL: Final = "https://api.figshare.com/v2"
"""Root of the archive's interface; `/file/download/ID` under it serves scripts where the web pages' links do not."""

_PAGE_SIZE: Final = 500


class _Row(BaseModel):
    """One file as the list describes it, as far as it matters here."""

    id: NonNegativeInt
    name: str
    size: NonNegativeInt
    download_url: str | None = None
    computed_md5: str | None = None
    supplied_md5: str | None = None


_ROWS = TypeAdapter(list[_Row])


def list_files(archive: Archive, base_url: str, web: Web) -> list[PublishedFile]:
    """All files of an archive with safe and distinct names, sorted by name.

    Raises:
        ArchiveListError: The list cannot be had, or is empty.
    """
    if not base_url.startswith(("https://", "http://")):
        raise ArchiveListError(f"{base_url!r} is no base URL: it starts with https:// or http://")
    root = base_url.rstrip("/")
    rows: dict[int, _Row] = {}
    for number in count(1):
        url = f"{root}/articles/{archive.article}/versions/{archive.version}/files?page={number}&page_size={_PAGE_SIZE}"
        try:
            page = _ROWS.validate_json(web.read(url))
        except WebError as error:
            raise ArchiveListError(
                f"the list of files of {archive.name} cannot be had from {root}: {error}; check the network, try "
                "later, or name another place with --base-url"
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise ArchiveListError(
                f"{url} answers with no list of files ({'.'.join(map(str, first['loc'])) or 'page'}: {first['msg']}): "
                "give the root of a figshare interface with --base-url, or try later"
            ) from error
        fresh = {row.id: row for row in page if row.id not in rows}
        # Neither the length of a page nor the number of pages is promised; a page without news is the end.
        if not fresh:
            break
        rows |= fresh
    if not rows:
        raise ArchiveListError(f"the list of files of {archive.name} at {root} is empty: check --base-url")
    return _published(rows.values(), root)


def _published(rows: Iterable[_Row], root: str) -> list[PublishedFile]:
    files: list[PublishedFile] = []
    taken: set[str] = set()
    for row in sorted(rows, key=lambda row: (row.name, row.id)):
        name = safe_name(row.name) or f"file-{row.id}"
        while not taken.isdisjoint(_occupied(name)):
            name = f"{row.id}-{name}"
        taken |= _occupied(name)
        urls = [f"{root}/file/download/{row.id}"]
        if row.download_url and row.download_url.startswith(("https://", "http://")):
            urls.append(row.download_url)
        md5 = (row.computed_md5 or row.supplied_md5 or "").lower()
        files.append(PublishedFile(name=name, size=row.size, md5=md5, urls=tuple(dict.fromkeys(urls))))
    return sorted(files, key=lambda file: file.name)


def safe_name(name: str) -> str:
    """A name that stays in its folder on every system; empty if nothing is left of it."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", last).strip(" .")[-200:]


def select(files: Sequence[PublishedFile], only: Sequence[str]) -> list[PublishedFile]:
    """Files whose name matches one of the patterns; all of them if there is no pattern.

    Raises:
        UnknownNameError: A pattern matches no file.
    """
    names = [file.name for file in files]
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            near = get_close_matches(pattern, names, n=1) or names[:1]
            raise UnknownNameError(
                f"no file matches {pattern!r}: the archive holds {plural(len(names), 'file')}"
                + (f", such as {near[0]!r}" if near else "")
                + "; see them all with --dry-run"
            )
    return [file for file in files if not only or any(fnmatchcase(file.name, pattern) for pattern in only)]


def _occupied(name: str) -> set[str]:
    """Names that a file takes while it is fetched, on disks that do not tell A from a too."""
    return {(name + suffix).casefold() for suffix in ("", PART, SIDE)}
