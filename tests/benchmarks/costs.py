"""What `infra.costs` foretells against what happens: builds, a study, a catalog of 5,000 scenes.

A small sample in the same run gives the constants, the model the larger run. So the machine does not matter, but it has
to be as busy in the sample as in the run: where it is not, the ratio says nothing about the model.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from datasets.lake import Lake
from datasets.workers.cluster import ClusterOptions
from infra.costs.build import build_cost, catalog_seconds
from infra.costs.campaign import study_seconds
from infra.costs.constants import Constants, read_constants
from ingest.build import SplitOptions, build_lake
from ingest.recipe import Recipe
from ingest.sample import write_samples
from sweeps.design.experiment import Arm, Experiment
from sweeps.launch.placement import Placement
from sweeps.launch.plan import plan
from sweeps.launch.strategy import Strategy
from sweeps.launch.study_run import Request, run_study
from sweeps.launch.trials import OnEvent
from tests.benchmarks.full_scene import Row
from tests.benchmarks.ray_environment import ROOT, ray_environment
from tests.benchmarks.study_overhead import SPEC
from tests.benchmarks.study_overhead import _lake as small_lake
from tests.large_catalog import write_large_lake

REACH: Final = 0.25
SCENES, LINES, SAMPLES = 16, 2000, 2080
TRIALS: Final = 16
ROWS: Final = 5000
_NOTHING: Final = 1e-12


def measure() -> list[Row]:
    """About ten minutes on two free cores."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        rows = [_catalog(folder), *_builds(folder)]
        with ray_environment(folder):
            return rows + _studies(folder)


def _builds(folder: Path) -> Iterator[Row]:
    raw = write_samples(folder / "raw", scenes=SCENES, lines=LINES, samples=SAMPLES, seed=0)
    for workers in (1, 2):
        few, more = 2 * workers, 4 * workers
        one, other = (_build(raw[:count], folder / f"b{workers}-{count}", workers) for count in (few, more))
        constants = read_constants().with_values(
            **_line((few / workers, one), (more / workers, other), "worker_start", "scene_seconds_2_5_10"),
            publish_row=_NOTHING,  # is in the seconds of a scene
            moments_read=_NOTHING,
            archive_rate=1e15,  # the files are here
            store_rate=1e15,
        )
        note = f"from {few} and {more} scenes; worker_start {constants['worker_start']:.1f} s"
        foretold = build_cost(constants, SCENES, workers).seconds
        measured = _build(raw, folder / f"b{workers}", workers)
        yield _row(f"build of {SCENES} scenes, workers: {workers}", measured, foretold, note)


def _studies(folder: Path) -> list[Row]:
    lake, rows = small_lake(folder / "study"), []
    for slots in (1, 2):
        few, more = 2 * slots, 4 * slots
        one, other = (_study(lake, folder / f"s{slots}-{count}", count, slots) for count in (few, more))
        found = _line((few / slots, one), (more / slots, other), "start", "seconds")
        foretold = study_seconds(TRIALS, slots, found["seconds"], found["start"], 0.0)
        measured = _study(lake, folder / f"s{slots}", TRIALS, slots)
        what = f"study of {TRIALS} trials, slots: {slots}"
        note = f"from {few} and {more} trials; study_start {found['start']:.1f} s"
        rows.append(_row(what, measured, foretold, note))
    return rows


def _catalog(folder: Path) -> Row:
    few = ROWS // 5
    (few_seconds, few_bytes), (seconds, most_bytes) = (_publish(folder / str(rows), rows) for rows in (few, ROWS))
    constants: Constants = read_constants().with_values(publish_row=few_seconds / few, moments_read=_NOTHING)
    memory = (most_bytes - few_bytes) / (ROWS - few)
    note = f"from {few}; publish_row {seconds / ROWS:.2g} s, publish_memory {memory:.0f} B"
    return _row(f"catalog of {ROWS:,} mocked scenes written", seconds, catalog_seconds(constants, ROWS), note)


_PUBLISH: Final = """
import sys, time
import ingest.build
from datasets.lake import Lake
from ingest.build import SplitOptions, publish
from datasets.process.machine import peak_memory
ingest.build.channel_statistics = lambda lake, catalog: lake.statistics
lake = Lake.open(sys.argv[1])
records, seconds = lake.catalog().records, []
for _ in range(2):  # the first imports pandas
    began = time.perf_counter()
    publish(lake, records, SplitOptions())
    seconds.append(time.perf_counter() - began)
print(min(seconds), peak_memory())
"""


def _publish(folder: Path, scenes: int) -> tuple[float, float]:
    """Seconds of the last step of a build of so many scenes, without moments, and bytes of its process at most."""
    lake = write_large_lake(folder, scenes)
    command = [sys.executable, "-c", _PUBLISH, str(lake)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    seconds, most = map(float, done.stdout.split()[-2:])
    return seconds, most


def _build(raw: list[Path], place: Path, workers: int) -> float:
    recipe = Recipe(ratios=(2, 5, 10))
    lake = Lake.create(str(place), recipe.to_lake())
    sources, cluster = [str(path) for path in raw], ClusterOptions(workers=workers)

    def build() -> None:
        done = build_lake(
            sources, recipe, lake, "train", cluster=cluster, split=SplitOptions(), on_scene=lambda _: None
        )
        assert not done.failures, done.failures

    return _seconds(build)


def _study(lake: Lake, folder: Path, trials: int, slots: int) -> float:
    study = Experiment(
        name=folder.name.replace("-", "_"), question="How long does it take?", seeds=tuple(range(trials)),
        arms={"pixel": Arm(base=SPEC, axes={"data.ratio": (5,)})},
    )  # fmt: skip
    folder.mkdir()
    request = Request(
        lake_urls=(lake.url,),
        tracking_uri=f"sqlite:///{folder}/m.db",
        placement=Placement(cpus=1, gpus=0, max_concurrent=slots, storage=str(folder / "storage")),
        strategy=Strategy(),
    )

    @contextmanager
    def watching(watched: object) -> Iterator[OnEvent]:
        yield lambda event: None

    def run() -> None:
        done = run_study(plan(study, [lake]), request, watching, lambda line: None)
        assert not done.failed, done.failed

    return _seconds(run)


def _line(few: tuple[float, float], more: tuple[float, float], start: str, each: str) -> dict[str, float]:
    """What two runs of so many rounds say of a round, and of what comes before."""
    seconds = max((more[1] - few[1]) / (more[0] - few[0]), _NOTHING)
    return {start: max(few[1] - few[0] * seconds, _NOTHING), each: seconds}


def _row(what: str, measured: float, foretold: float, note: str) -> Row:
    return Row(
        what=what,
        measured=f"{measured:.1f} s",
        floor=f"{foretold:.1f} s foretold",
        ratio=f"{foretold / measured:.2f}",
        reach=f"within {REACH:.0%}",
        reached=abs(foretold / measured - 1) <= REACH,
        note=note,
    )


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
