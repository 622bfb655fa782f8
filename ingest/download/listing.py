"""The archive's own list of files, page by page."""

from itertools import count
from typing import Final

from ingest.download.archives import Archive, ArchiveFile, Entry, read_page, to_files
from ingest.download.errors import ArchiveListError
from ingest.download.retry import WebError
from ingest.download.web import Web

_PAGE_SIZE: Final = 500


def list_files(archive: Archive, base_url: str, web: Web) -> list[ArchiveFile]:
    """All files of an archive, sorted by name.

    Raises:
        ArchiveListError: The list cannot be had, or is empty.
    """
    if not base_url.startswith(("https://", "http://")):
        raise ArchiveListError(f"{base_url!r} is no base URL: it starts with https:// or http://")
    root = base_url.rstrip("/")
    entries: dict[int, Entry] = {}
    for number in count(1):
        url = f"{root}/articles/{archive.article}/versions/{archive.version}/files?page={number}&page_size={_PAGE_SIZE}"
        try:
            page = read_page(web.read(url), url)
        except WebError as error:
            raise ArchiveListError(
                f"the list of files of {archive.name} cannot be had from {root}: {error}; check the network, try "
                "later, or name another place with --base-url"
            ) from error
        fresh = {entry.id: entry for entry in page if entry.id not in entries}
        # Neither the length of a page nor the number of pages is promised; a page without news is the end.
        if not fresh:
            break
        entries |= fresh
    if not entries:
        raise ArchiveListError(f"the list of files of {archive.name} at {root} is empty: check --base-url")
    return to_files(entries.values(), root)
