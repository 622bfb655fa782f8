"""A lake from zip archives on a server of 100 MB/s, two workers, against the larger of download alone and build alone.

Download is of the archives alone, as `python -m ingest download` fetches them; build is that of the unpacked files from
disk. The second server is as slow as the build, where nothing but fetching ahead saves the time of one of them.

The server runs on the same two cores, and with the fast one they are never idle: then the least time is that of all
processor time together, of a build, of fetching and of the server, which other machines do not have. The note says how
much each is, and what the ratio would be with the server elsewhere. A worker cannot convert before its first scene has
come and has nothing to fetch for its last one: 24 scenes make that a twelfth of its work, in the archive it is less
than a hundredth. The machine has to be quiet.
"""

import io
import os
import resource
import shutil
import tempfile
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from datasets.lake import Lake
from datasets.workers.cluster import ClusterOptions
from ingest.build import SplitOptions, build_lake
from ingest.download.archives import ARCHIVES
from ingest.download.fetch import fetch_file
from ingest.download.listing import list_files
from ingest.download.web import Web
from ingest.recipe import Recipe
from ingest.sample import write_samples
from ingest.stream.find import Found, find_scenes
from ingest.stream.space import Space
from tests.benchmarks.full_scene import Row
from tests.ingest.download.archive_server import ArchiveServer

SCENES, LINES, SAMPLES = 24, 2900, 3000
WORKERS: Final = 2
RATE: Final = 100_000_000
REACH: Final = 1.15
SCRATCH: Final = "200MB"


class Took(NamedTuple):
    """Seconds by the clock, and of processors in the workers."""

    clock: float
    processor: float


def measure() -> list[Row]:
    """Makes the scenes, builds the files, then fetches and streams at two rates; about ten minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        raw = write_samples(folder / "raw", scenes=SCENES, lines=LINES, samples=SAMPLES, seed=0)
        archives = {f"part{half}.zip": _zipped(raw[half::2]) for half in (0, 1)}
        local = _build(Found(paths=[str(path) for path in raw]), folder / "local", None)
        shutil.rmtree(folder / "raw")
        wanted = _content(folder / "local")
        slow = int(sum(map(len, archives.values())) / local.clock)
        with ArchiveServer(archives) as server:
            return [
                row
                for rate, reach in ((RATE, f"<= {REACH}"), (slow, "-"))
                for row in _streamed(server, rate, local, wanted, folder / f"at{rate}", reach)
            ]


def _streamed(
    server: ArchiveServer, rate: int, local: Took, wanted: dict[str, int], folder: Path, reach: str
) -> list[Row]:
    server.rate = rate
    download = _download(server.url, folder / "fetched")
    server.processor_s = 0.0
    with Space(str(folder / "lake"), SCRATCH, 8, on_cluster=False) as space, _Peak(space) as peak:
        started = time.perf_counter()
        found = find_scenes(["figshare:raw-train"], base_url=server.url, fetch_whole=space.fetch_whole)
        listing = time.perf_counter() - started
        with space.emptied():
            built = _build(found, folder / "lake", space)
    streamed, elsewhere = built.clock + listing, built.clock + listing - server.processor_s / WORKERS
    same = _content(folder / "lake") == wanted
    floor, limit = max(download, local.clock), space.scratch.limit
    return [
        Row(
            what=f"{SCENES} scenes of {LINES} x {SAMPLES} in 2 zips at {rate / 1e6:.0f} MB/s, from nothing to the lake",
            measured=f"{streamed:.0f} s",
            floor=f"{floor:.0f} s",
            ratio=f"{streamed / floor:.2f}",
            reach=reach,
            reached=streamed <= REACH * floor and same,
            note=f"floor: larger of download {download:.0f} s and build {local.clock:.0f} s; processors: workers "
            f"{built.processor:.0f} s ({local.processor:.0f} s for files on disk), server {server.processor_s:.1f} s; "
            f"ratio with the server elsewhere {elsewhere / floor:.2f}; same bytes: {same}",
        ),
        Row(
            what="disk beside the lake, the same build",
            measured=f"{peak.bytes / 1e6:.0f} MB",
            floor=f"{limit / 1e6:.0f} MB",
            ratio=f"{peak.bytes / limit:.2f}",
            reach="<= 1",
            reached=peak.bytes <= limit,
            note="floor: --scratch; most bytes seen there, looked at every 50 ms",
        ),
    ]


class _Peak:
    """Looks at the scratch space until it ends."""

    def __init__(self, space: Space) -> None:
        self.bytes = 0
        self._folder = space.scratch.folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "_Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.bytes = max(self.bytes, bytes_below(self._folder))


def bytes_below(folder: Path) -> int:
    """Bytes of the files below a folder, while others make and remove some."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_size
    return total


def _zipped(paths: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            archive.write(path, path.name)
    return buffer.getvalue()


def _download(url: str, folder: Path) -> float:
    folder.mkdir(parents=True)
    started = time.perf_counter()
    with Web() as web:
        for file in list_files(ARCHIVES["raw-train"], url, web):
            fetch_file(file, folder, web, lambda *step: None)
            (folder / file.name).unlink()
    return time.perf_counter() - started


def _build(found: Found, place: Path, space: Space | None) -> Took:
    recipe = Recipe(ratios=(1, 2, 5, 10))
    lake = Lake.create(str(place), recipe.to_lake())
    started, before = time.perf_counter(), _of_ended_processes()
    summary = build_lake(
        found.paths,
        recipe,
        lake,
        "train",
        cluster=ClusterOptions(workers=WORKERS),
        split=SplitOptions(),
        on_scene=lambda _: None,
        fetched=found.files,
        scratch=space and space.scratch,
    )
    took = Took(time.perf_counter() - started, _of_ended_processes() - before)
    assert len(summary.built) == len(found.paths), summary.failures
    return took


def _of_ended_processes() -> float:
    """Seconds of processors that processes took which this one has started and seen end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _content(lake: Path) -> dict[str, int]:
    return {
        path.relative_to(lake).as_posix(): hash(path.read_bytes())
        for path in lake.rglob("*")
        if path.is_file() and path.name != "recipe.json"
    }
