"""Half a million scenes: open the lake, plan studies, find what is near test scenes; and what a build finds missing.

Each is measured in a process of its own. The catalog is synthetic, no store belongs to a row; for the build the listing
is made up too (on a disk half a million folders take longer to make than to list), and a store that is opened ends it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.benchmarks.full_scene import Row
from tests.benchmarks.ray_environment import ROOT
from tests.large_catalog import write_large_lake

SCENES: Final = 500_000
SECONDS_REACH, MEMORY_REACH_GB, LEAKS_REACH = 3.0, 1.0, 30.0
STUDY: Final = "data_size"
LARGE: Final = ("transfer", "regular_season_each_location", "cryospheric_season_each_location")
"""Studies of the most trials and sets of scenes."""

_PLAN: Final = """
import json, sys, time
began, busy = time.perf_counter(), time.process_time()
from datasets.process.machine import peak_memory
from datasets.lake import Lake
from sweeps.design.catalogue import study
from sweeps.launch.plan import plan
imported = time.process_time() - busy, peak_memory()
lake = Lake.open(sys.argv[1])
catalog = lake.catalog()
opened = time.process_time() - busy - imported[0]
chosen = len(catalog.split("train").where(season="winter", location="cat1"))
ready = len(plan(study(sys.argv[2]), [lake]).ready)
print(json.dumps({
    "chosen": chosen, "trials": ready, "opened": opened, "imported": imported[0], "before": imported[1] / 1e9,
    "seconds": time.perf_counter() - began, "processor": time.process_time() - busy,
    "gb": peak_memory() / 1e9,
}))
"""
_DRY: Final = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
command = [sys.executable, "-m", "sweeps", "run", sys.argv[2], "--dry-run", "--lake", sys.argv[1]]
done = subprocess.run(command, capture_output=True, text=True)
if done.returncode:
    sys.exit(done.stderr)
use = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "seconds": time.perf_counter() - began, "processor": use.ru_utime + use.ru_stime, "gb": use.ru_maxrss * 1024 / 1e9,
}))
"""
_LEAKS: Final = """
import json, sys, time
from datasets.process.machine import peak_memory
from datasets.lake import Lake
from datasets.leaks import Apart, leaks, too_near
catalog = Lake.open(sys.argv[1]).catalog()
began, start = time.perf_counter(), time.process_time()
tests = len(leaks(catalog))
between = time.process_time()
too_near(catalog, Apart(km=200, days=10))
print(json.dumps({
    "tests": tests, "leaks": between - start, "apart": time.process_time() - between,
    "seconds": time.perf_counter() - began, "gb": peak_memory() / 1e9,
}))
"""
_BUILD: Final = """
import json, sys, time
from datasets.process.machine import peak_memory
import datasets.lake
from datasets.lake import Lake
from ingest.build import SplitOptions, build_lake
from datasets.workers.cluster import ClusterOptions
from tests.large_catalog import RECIPE
def opened(*_): raise AssertionError("a store was opened")
lake = Lake.open(sys.argv[1])
names = lake.catalog().column("source").tolist()
splits = SplitOptions(val_scenes=len(lake.catalog().split("val")))
datasets.lake.SceneStore = opened
from ingest import build
from ingest import kept
kept.root_documents = lambda lake: frozenset(lake.catalog().scene_ids)
build._is_as_drawn = lambda *_: True  # made-up splits
began, busy = time.perf_counter(), time.process_time()
archive = lake.catalog().having("archive", "train").tolist()
names = [name for name, train in zip(names, archive) if train]
one = ClusterOptions(workers=1)
done = build_lake(names, RECIPE, lake, "train", cluster=one, split=splits, on_scene=lambda _: None)
assert not done.failures and len(done.built) == len(names)
print(json.dumps({
    "seconds": time.perf_counter() - began, "processor": time.process_time() - busy,
    "gb": peak_memory() / 1e9,
}))
"""


def measure() -> list[Row]:
    """Writes the catalog and opens it; about two minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        lake = write_large_lake(Path(name) / "lake", SCENES)
        size = (lake / "catalog.parquet").stat().st_size
        planned, dry = (_run(code, str(lake), STUDY) for code in (_PLAN, _DRY))
        a_scene = (planned["gb"] - planned["before"]) * 1e9 / SCENES
        constants = f"catalog_open {planned['opened'] / SCENES:.2g} s, catalog_row {size / SCENES:.0f} B, "
        constants += f"catalog_memory {a_scene:.0f} B; imports {planned['imported']:.1f} s of it"
        return [
            _row(
                f"open {SCENES:,} scenes, choose, plan {STUDY} ({planned['trials']:.0f} trials)",
                planned,
                size,
                constants,
            ),
            _row(f"--dry-run of {STUDY} on them", dry, size, "imports included"),
            *(_planned(lake, name, size) for name in LARGE),
            *_leaks(lake, size),
            _found(lake),
        ]


def _planned(lake: Path, name: str, size: int) -> Row:
    """A study of many sets of scenes, imports left out."""
    found = _run(_PLAN, str(lake), name)
    for key in ("processor", "seconds"):
        found[key] -= found["imported"]
    return _row(f"open them and plan {name} ({found['trials']:.0f} trials)", found, size, "imports left out")


def _leaks(lake: Path, size: int) -> Iterator[Row]:
    """What is nearest to test scenes, and what is too near."""
    found = _run(_LEAKS, str(lake))
    for what, name in ((f"nearest of the {found['tests']:.0f} test scenes", "leaks"), ("--apart 200,10", "apart")):
        yield replace(
            _row(what, {**found, "processor": found[name]}, size, "both in one process"),
            reach=f"< {LEAKS_REACH:g} s",
            reached=found[name] < LEAKS_REACH,
        )


def _found(lake: Path) -> Row:
    """A build of scenes that are all there."""
    found = _run(_BUILD, str(lake), "")
    return Row(
        what=f"build of {SCENES:,} scenes that are all finished",
        measured=f"{found['processor']:.0f} s, {found['gb']:.2f} GB",
        floor="-",
        ratio="-",
        reach="-",
        reached=True,
        note=f"processor time; {found['seconds']:.0f} s by the clock; one listing ({SCENES // 1000} pages on S3)",
    )


def _row(what: str, found: dict[str, float], size: int, note: str) -> Row:
    return Row(
        what=what,
        measured=f"{found['processor']:.1f} s, {found['gb']:.2f} GB",
        floor=f"{size / 1e6:.0f} MB of catalog",
        ratio=f"{found['gb'] * 1e9 / size:.1f}",
        reach=f"< {SECONDS_REACH:g} s, {MEMORY_REACH_GB:g} GB",
        reached=found["processor"] < SECONDS_REACH and found["gb"] < MEMORY_REACH_GB,
        note=f"processor time; {found['seconds']:.1f} s by the clock of this machine; {note}",
    )


def _run(code: str, *words: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
