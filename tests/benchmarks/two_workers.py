"""Eight scenes of 5000 x 5200 raw pixels with two workers against one, cluster and catalog included.

The machine has to be quiet: what else it does takes more from two workers than from one. How many cores were free is
in the note, as the cores that the two workers got.
"""

import tempfile
import time
from pathlib import Path

import psutil

from datasets.lake import Lake
from datasets.workers.cluster import ClusterOptions
from ingest.build import SplitOptions, build_lake
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.full_scene import Row

SCENES, LINES, SAMPLES = 8, 5000, 5200
REACH = 1.7


def measure() -> list[Row]:
    """Makes the scenes and builds them twice; about five minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        raw = write_samples(folder / "raw", scenes=SCENES, lines=LINES, samples=SAMPLES, seed=0)
        two, cores = _build(raw, folder / "two", workers=2)
        one, _ = _build(raw, folder / "one", workers=1)
    return [
        Row(
            what=f"{SCENES} scenes of {LINES} x {SAMPLES}, two workers",
            measured=f"{two:.0f} s",
            floor=f"{one:.0f} s",
            ratio=f"{one / two:.2f}",
            reach=f">= {REACH}",
            reached=one >= REACH * two,
            note=f"floor: one worker; two got {cores:.1f} of {psutil.cpu_count()} cores",
        )
    ]


def _build(raw: list[Path], place: Path, *, workers: int) -> tuple[float, float]:
    """Seconds, and the cores that were at work for the build on average."""
    recipe = Recipe(ratios=(1, 2, 5, 10))
    lake = Lake.create(str(place), recipe.to_lake())
    before = psutil.Process().cpu_times()
    started = time.perf_counter()
    summary = build_lake(
        [str(path) for path in raw],
        recipe,
        lake,
        "train",
        cluster=ClusterOptions(workers=workers),
        split=SplitOptions(),
        on_scene=lambda _: None,
    )
    seconds = time.perf_counter() - started
    assert len(summary.built) == len(raw), summary.failures
    after = psutil.Process().cpu_times()  # of children too, once they have ended
    used = sum(after[:4]) - sum(before[:4])
    return seconds, used / seconds
