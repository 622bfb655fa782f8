"""Command `python -m ingest download`: list, check what is here, make room, fetch, unpack, report."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from datasets.plural import noun, plural
from datasets.process.terminal import err, out, tell, tell_failure, user_errors
from ingest.download.archives import ARCHIVES, Archive, PublishedFile, find_archive
from ingest.download.errors import DownloadError
from ingest.download.fetch import fetch_file, kept_as
from ingest.download.folder import OnProgress, Phase, check_folder, check_space, locked
from ingest.download.listing import DEFAULT_URL, list_files, select
from ingest.download.present import bytes_here, find_candidates, verify
from ingest.download.unzip import Unpacked, room_to_unpack, unzip_all
from ingest.download.web import Web

Failures = list[tuple[str, str]]

_INTERRUPTED: Final = 130


def download(
    archive: Annotated[str, typer.Argument(help="Which archive.", metavar="|".join(ARCHIVES))],
    folder: Annotated[
        Path, typer.Argument(help="Folder for the files; made if it is not there.", metavar="DIR", show_default=False)
    ],
    unzip: Annotated[bool, typer.Option("--unzip", help="Unpack zip archives in DIR; they are kept.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Files whose name matches, as in --only '*2018*'; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List files and sizes, fetch and write nothing.")] = False,
    base_url: Annotated[
        str, typer.Option(help="Root of the figshare interface that serves the files.", envvar="ICEBENCH_ARCHIVE_URL")
    ] = DEFAULT_URL,
) -> None:
    """Fetch a public AI4Arctic archive; give the same command again to go on after a stop.

    Files that are in DIR already, fetched here or by hand, are kept if their checksum is right; a bundle of the whole
    archive, as browsers get it, is unpacked into DIR first. A file that cannot be had is a line in the summary and exit
    code 1; the others are fetched all the same.
    """
    with user_errors(), Web() as web:
        chosen = find_archive(archive)
        if not dry_run:
            check_folder(folder)
        files = select(list_files(chosen, base_url, web), only or [])
        if dry_run:
            _list(chosen, files, folder)
            return
        with locked(folder), _resumable():
            intact = _check(chosen, files, folder, unzip=unzip)
            failures = _fetch(files, intact, folder, web)
            failed = {name for name, _ in failures}
            unpacked = _unpack(chosen, [file for file in files if file.name not in failed], folder) if unzip else None
    _report(chosen, len(files), folder, failures, unpacked)
    if failures or (unpacked is not None and unpacked.failures):
        raise typer.Exit(1)


def _list(archive: Archive, files: Sequence[PublishedFile], folder: Path) -> None:
    intact = {file.name for file, _ in find_candidates(files, folder)}
    here = bytes_here(files, folder, intact)
    table = Table()
    table.add_column("file", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("here", no_wrap=True)
    for file in files:
        some = decimal(here[file.name]) if here[file.name] else "no"
        table.add_row(file.name, decimal(file.size), "yes" if file.name in intact else some)
    out.print(table)
    total = _size(files)
    tell(
        f"{archive.name}: {plural(len(files), 'file')}, {decimal(total)}, {decimal(total - sum(here.values()))} to "
        f"fetch; by hand: {archive.page}",
    )


def _check(archive: Archive, files: Sequence[PublishedFile], folder: Path, *, unzip: bool) -> set[str]:
    """Names of the files that are here; checksums come first, so that room is asked for what is really missing."""
    candidates = find_candidates(files, folder)
    with _bars("checking", total=_size(file for file, _ in candidates), done=0) as report:
        intact, sentences = verify(candidates, folder, report)
    for sentence in sentences:
        tell(sentence, err)
    to_unpack = 0
    if unzip:
        here = [file for file in files if file.name in intact]
        # NetCDF is compressed in itself, so what is not here yet grows little when it is unpacked.
        coming = _size(file for file in files if _is_zip(file) and file not in here)
        to_unpack = room_to_unpack(_zips(here, folder), folder)[0] + coming
    missing = _size(files) - sum(bytes_here(files, folder, intact).values())
    check_space(folder, archive.name, fetch=missing, unzip=to_unpack)
    return intact


def _fetch(files: Sequence[PublishedFile], intact: set[str], folder: Path, web: Web) -> Failures:
    failures: Failures = []
    missing = [file for file in files if file.name not in intact]
    with _bars("fetching", total=_size(files), done=_size(files) - _size(missing)) as report:
        for file in missing:
            if (there := folder / file.name).exists():
                tell(f"{file.name} is here with another size: it is kept as {kept_as(there).name}", err)
            try:
                fetch_file(file, folder, web, report)
                if not err.is_terminal:  # a log has no bars, and a batch job runs for hours
                    tell(f"fetched {file.name} ({decimal(file.size)})", err)
            except DownloadError as error:
                failures.append((file.name, str(error)))
    return failures


def _unpack(archive: Archive, files: Sequence[PublishedFile], folder: Path) -> Unpacked:
    paths = _zips(files, folder)
    missing, total = room_to_unpack(paths, folder)
    check_space(folder, archive.name, fetch=0, unzip=missing)
    with _bars("unzipping", total=total, done=0) as report:
        return unzip_all(paths, folder, report)


def _report(archive: Archive, count: int, folder: Path, failures: Failures, unpacked: Unpacked | None) -> None:
    for name, sentence in [*failures, *(unpacked.failures if unpacked else [])]:
        tell_failure(name, sentence)
    if failures:
        tell(f"by hand: {archive.page}", err)
    here = count - len(failures)
    line = f"{here} of {plural(count, 'file')} of {archive.name} {noun(here, 'is', 'are')} in {folder}"
    if unpacked is not None:
        line += f", {plural(len(unpacked.files), 'file is', 'files are')} unpacked ({unpacked.written} new)"
    tell(line)
    scenes = sorted({str(path.parent) for path in (unpacked.files if unpacked else []) if path.suffix == ".nc"})
    if scenes:
        tell(f"build: python -m ingest build {shlex.join(scenes)} --lake LAKE --split {archive.split}")


def _is_zip(file: PublishedFile) -> bool:
    return file.name.lower().endswith(".zip")


def _zips(files: Iterable[PublishedFile], folder: Path) -> list[Path]:
    return [folder / file.name for file in files if _is_zip(file)]


def _size(files: Iterable[PublishedFile]) -> int:
    return sum(file.size for file in files)


@contextmanager
def _bars(title: Phase, *, total: int, done: int) -> Iterator[OnProgress]:
    """Two bars on stderr, all files and the current one; the first counts the bytes of the phase `title`."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal) as bars:
        all_files = bars.add_task(f"{title} all files", total=total, completed=done)
        current = bars.add_task("", total=None, visible=False)
        latest: dict[str, int] = {}

        def report(name: str, phase: Phase, done: int, size: int) -> None:
            if phase == title:
                bars.update(all_files, advance=done - latest.get(name, 0))
                latest[name] = done
            bars.update(current, description=f"{phase} {name[:40]}", completed=done, total=size, visible=True)

        yield report


@contextmanager
def _resumable() -> Iterator[None]:
    """Ctrl-C is no accident: what is here stays."""
    try:
        yield
    except KeyboardInterrupt as stop:
        err.print("stopped: give the same command to go on from here")
        raise typer.Exit(_INTERRUPTED) from stop
