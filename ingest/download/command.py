"""Command `python -m ingest download`: list, check what is here, make room, fetch, unpack, report."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from datasets.process.terminal import err, out, user_errors
from ingest.download.archives import ARCHIVES, DEFAULT_URL, Archive, ArchiveFile, find_archive, select
from ingest.download.errors import DownloadError
from ingest.download.folder import OnProgress, Phase, check_space, locked, look
from ingest.download.listing import list_files
from ingest.download.plan import Plan, Step, find_candidates, make_plan
from ingest.download.transfer import fetch_file
from ingest.download.unzip import Unpacked, room_to_unpack, unzip_all
from ingest.download.verify import verify
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
        files = select(list_files(chosen, base_url, web), only or [])
        if dry_run:
            _list(chosen, files, folder)
            return
        with locked(folder), _resumable():
            plan = _check(chosen, files, folder, unzip=unzip)
            failures = _fetch(plan, folder, web)
            failed = {name for name, _ in failures}
            unpacked = _unpack(chosen, [file for file in files if file.name not in failed], folder) if unzip else None
    _report(chosen, plan, folder, failures, unpacked)
    if failures or (unpacked is not None and unpacked.failures):
        raise typer.Exit(1)


def _list(archive: Archive, files: Sequence[ArchiveFile], folder: Path) -> None:
    state = look(folder)
    plan = make_plan(files, state, {candidate.file.name for candidate in find_candidates(files, state)})
    table = Table()
    table.add_column("file", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("here", no_wrap=True)
    for step in plan.steps:
        table.add_row(step.file.name, decimal(step.file.size), _here(step))
    out.print(table)
    out.print(
        f"{archive.name}: {len(files)} files, {decimal(plan.total)}, {decimal(plan.missing)} to fetch; "
        f"by hand: {archive.page}",
        highlight=False,
        soft_wrap=True,
    )


def _here(step: Step) -> str:
    return {"keep": "yes", "resume": decimal(step.have), "fetch": "no"}[step.action]


def _check(archive: Archive, files: Sequence[ArchiveFile], folder: Path, *, unzip: bool) -> Plan:
    """Checksums first, so that the room that is asked for is that of files really missing."""
    candidates = list(find_candidates(files, look(folder)))
    unread = sum(candidate.file.size for candidate in candidates if not candidate.known)
    with _bars("checking", total=unread, done=0) as report:
        verified = verify(candidates, folder, report)
    for name, old in verified.renamed.items():
        err.print(f"{old} is {name} by its checksum and is called that now", highlight=False, markup=False)
    for name in verified.corrupt:
        err.print(f"{name} did not have the archive's checksum: fetched anew", highlight=False, markup=False)
    plan = make_plan(files, look(folder), verified.intact)
    to_unpack = 0
    if unzip:
        here = [folder / file.name for file in _zips(files) if file.name in verified.intact]
        # NetCDF is compressed in itself, so what is not here yet grows little when it is unpacked.
        coming = sum(file.size for file in _zips(files) if file.name not in verified.intact)
        to_unpack = room_to_unpack(here, folder).missing + coming
    check_space(folder, archive.name, fetch=plan.missing, unzip=to_unpack)
    return plan


def _fetch(plan: Plan, folder: Path, web: Web) -> Failures:
    failures: Failures = []
    with _bars("fetching", total=plan.total, done=sum(s.have for s in plan.steps if s.action == "keep")) as report:
        for step in plan.steps:
            if step.action == "keep":
                continue
            try:
                fetch_file(step.file, folder, web, report)
                if not err.is_terminal:  # a log has no bars, and a batch job runs for hours
                    err.print(f"fetched {step.file.name} ({decimal(step.file.size)})", highlight=False, markup=False)
            except DownloadError as error:
                failures.append((step.file.name, str(error)))
    return failures


def _unpack(archive: Archive, files: Sequence[ArchiveFile], folder: Path) -> Unpacked:
    paths = [folder / file.name for file in _zips(files)]
    room = room_to_unpack(paths, folder)
    check_space(folder, archive.name, fetch=0, unzip=room.missing)
    with _bars("unzipping", total=room.total, done=0) as report:
        return unzip_all(paths, folder, report)


def _zips(files: Sequence[ArchiveFile]) -> list[ArchiveFile]:
    return [file for file in files if file.name.lower().endswith(".zip")]


def _report(archive: Archive, plan: Plan, folder: Path, failures: Failures, unpacked: Unpacked | None) -> None:
    for name, sentence in [*failures, *(unpacked.failures if unpacked else [])]:
        err.print("[red]failed[/red]", end=" ")
        err.print(name, highlight=False, markup=False, soft_wrap=True)
        err.print(f"  {sentence}", highlight=False, markup=False, soft_wrap=True)
    if failures:
        err.print(f"by hand: {archive.page}", highlight=False, markup=False, soft_wrap=True)
    here = len(plan.steps) - len(failures)
    line = f"{here} of {len(plan.steps)} files of {archive.name} are in {folder}"
    if unpacked is not None:
        line += f", {len(unpacked.files)} files are unpacked ({unpacked.written} new)"
    out.print(line, highlight=False, markup=False, soft_wrap=True)
    scenes = sorted({str(path.parent) for path in (unpacked.files if unpacked else []) if path.suffix == ".nc"})
    if scenes and archive.split:
        out.print(
            f"build: python -m ingest build {' '.join(scenes)} --lake LAKE --split {archive.split}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


@contextmanager
def _bars(title: Phase, *, total: int, done: int) -> Iterator[OnProgress]:
    """Two bars on stderr, all files and the current one; the first counts the bytes of the phase `title`."""
    text, bar, rest = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    columns = (text, bar, DownloadColumn(), TransferSpeedColumn(), rest)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        all_files = progress.add_task(f"{title} all files", total=total, completed=done)
        current = progress.add_task("", total=None, visible=False)
        finished = done
        latest: dict[str, int] = {}

        def report(name: str, phase: Phase, done: int, size: int) -> None:
            nonlocal finished
            if phase == title:
                finished += done - latest.get(name, 0)
                latest[name] = done
                progress.update(all_files, completed=finished)
            progress.update(
                current, description=f"{phase} {name[:40]}", completed=done, total=size, visible=True, refresh=False
            )

        yield report


@contextmanager
def _resumable() -> Iterator[None]:
    """Ctrl-C is no accident: what is here stays."""
    try:
        yield
    except KeyboardInterrupt as stop:
        err.print("stopped: give the same command to go on from here")
        raise typer.Exit(_INTERRUPTED) from stop
