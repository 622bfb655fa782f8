"""What is below a prefix (on disk a folder): listed, moved and removed."""

from pathlib import Path
from typing import Any

from datasets.access import is_url, plain
from datasets.storage import filesystem_of, remove


def names(url: str) -> list[str]:
    """Names directly below a prefix, sorted, without hidden ones (`._scene.nc` and `.DS_Store` of macOS, `.nfs...`).

    Some object stores still list prefixes that are empty by now.
    """
    with filesystem_of(url) as (filesystem, path):
        try:
            found = filesystem.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
    return sorted({_last(name) for name in found if not _is_hidden(name)})


def sizes(url: str) -> dict[str, int]:
    """Objects below a prefix: key below it -> bytes. Empty folders and prefixes that linger are no objects."""
    with filesystem_of(url) as (filesystem, path):
        found = _files(filesystem, path)
    start = len(path.rstrip("/")) + 1
    return {name[start:]: size for name, size in sorted(found.items())}


def holds_objects(url: str) -> bool:
    """Whether there is any object below a prefix that is not hidden.

    Listings of some stores still show prefixes that are empty by now.
    """
    with filesystem_of(url) as (filesystem, path):
        try:
            found = filesystem.ls(path, detail=True)
        except FileNotFoundError:
            return False
        except NotADirectoryError:
            return True
        return any(
            entry["type"] != "directory" or _files(filesystem, entry["name"])
            for entry in found
            if not _is_hidden(entry["name"]) or str(entry["name"]).rstrip("/") == path.rstrip("/")
        )


def move_below(source: str, target: str, *, aside: str, last: str) -> None:
    """Puts everything below one prefix in the place of what is below another.

    On disk by two renames. In object storage by copies on the server: until the last of them `target` holds no object
    `last`.

    Args:
        source: What is moved.
        target: What it replaces.
        aside: Where the replaced objects go before they are removed; used on disk only.
        last: Key below both that is removed first and put last.
    """
    with filesystem_of(target) as (filesystem, path):
        if not is_url(target):
            Path(path).rename(plain(aside))
            Path(plain(source)).rename(path)
            remove_below(aside)
            return
        remove(f"{target}/{last}")
        remove_below(target)
        keys = [key for key in sizes(source) if key != last]
        for some in (keys, [last]):
            filesystem.copy([f"{source}/{key}" for key in some], [f"{target}/{key}" for key in some])
        remove_below(source)


def remove_below(url: str) -> None:
    """Removes everything below a prefix."""
    with filesystem_of(url) as (filesystem, path):
        try:
            filesystem.rm(path, recursive=True)
        except FileNotFoundError:
            return


def _files(filesystem: Any, path: str) -> dict[str, int]:  # noqa: ANN401 - fsspec is untyped
    found = filesystem.find(path, detail=True)
    return {str(name): int(entry["size"]) for name, entry in found.items() if entry["type"] == "file"}


def _last(name: object) -> str:
    return str(name).rstrip("/").rpartition("/")[2]


def _is_hidden(name: object) -> bool:
    return _last(name).startswith(".")
