"""What `infra.costs` foretells against what happens: builds, a study, a catalog of 5,000 scenes.

Two small samples in the same run give the constants: what comes first, and what each scene, trial or row takes. The
model foretells the larger run. So the machine does not matter, but it has to be as busy in the samples as in the run:
where it is not, the ratio says nothing about the model.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from datasets.lake import Lake
from datasets.workers.cluster import ClusterOptions
from infra.costs.build import build_cost, catalog_seconds
from infra.costs.campaign import parts_of_trials
from infra.costs.constants import read_constants
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
TURNS: Final = 4
_SHORT: Final = SPEC.with_all({"loop.max_epochs": 1, "loop.patience": 1})
_NOTHING: Final = 1e-12


def measure() -> list[Row]:
    """About seven minutes on two free cores."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        rows = [_catalog(folder), *_builds(folder)]
        with ray_environment(folder):
            return [*rows, *_studies(folder)]


def _builds(folder: Path) -> Iterator[Row]:
    raw = write_samples(folder / "raw", scenes=SCENES, lines=LINES, samples=SAMPLES, seed=0)
    for workers in (1, 2):
        runs = [_build(raw[:count], folder / f"b{workers}-{count}", workers) for count in (4, 8)]
        start, each = _line(*((pixels / workers, seconds) for pixels, seconds in runs))
        pixels, measured = _build(raw, folder / f"b{workers}", workers)
        constants = read_constants().with_values(
            worker_start=start,
            pixel_seconds_2_5_10=each,
            scene_pixels=pixels / SCENES,
            publish_start=_NOTHING,  # in the start
            publish_row=_NOTHING,  # in the seconds of a pixel
            moments_read=_NOTHING,
            archive_rate=1e15,  # the files are here
            store_rate=1e15,
        )
        note = f"from 4 and 8 scenes, some of them shorter; worker_start {start:.1f} s"
        foretold = build_cost(constants, SCENES, workers).seconds
        yield _row(f"build of {SCENES} scenes, workers: {workers}", measured, foretold, note)


def _studies(folder: Path) -> Iterator[Row]:
    lake = small_lake(folder / "study")
    for slots in (1, 2):
        runs = [_study(lake, folder / f"s{slots}-{count}", count * slots, slots) for count in (2, 4)]
        start, each = _line((2, runs[0]), (4, runs[1]))
        constants = read_constants().with_values(study_start=start)
        foretold = start + max(parts_of_trials(constants, [(TRIALS, each)], slots).values())
        measured = _study(lake, folder / f"s{slots}", TRIALS, slots)
        note = f"from {2 * slots} and {4 * slots} trials; study_start {start:.1f} s"
        yield _row(f"study of {TRIALS} trials, slots: {slots}", measured, foretold, note)


def _catalog(folder: Path) -> Row:
    sizes = (ROWS // 4, ROWS // 2, ROWS)
    # Sizes in turn, and the least of each: other work on the machine then takes no side.
    rounds = [[_publish(folder / f"{turn}-{rows}", rows) for rows in sizes] for turn in range(TURNS)]
    few, some, all_rows = (min(found) for found in zip(*rounds, strict=True))
    start, each = _line((sizes[0], few[0]), (sizes[1], some[0]))
    constants = read_constants().with_values(publish_start=start, publish_row=each, moments_read=_NOTHING)
    memory = (all_rows[1] - few[1]) / (sizes[2] - sizes[0])
    note = f"processor time; from {sizes[0]} and {sizes[1]}; publish_start {start:.2g} s, publish_row {each:.2g} s, "
    note += f"publish_memory {memory:.0f} B"
    return _row(f"catalog of {ROWS:,} mocked scenes written", all_rows[0], catalog_seconds(constants, ROWS), note)


_PUBLISH: Final = """
import sys, time
import ingest.build
from datasets.lake import Lake
from ingest.build import SplitOptions, publish
from datasets.process.machine import peak_memory
ingest.build.channel_statistics = lambda lake, catalog: lake.statistics
lake = Lake.open(sys.argv[1])
records, seconds = lake.catalog().records, []
for _ in range(7):  # the first imports pandas
    began = time.process_time()
    publish(lake, records, SplitOptions())
    seconds.append(time.process_time() - began)
print(min(seconds), peak_memory())
"""


def _publish(folder: Path, scenes: int) -> tuple[float, float]:
    """Processor time of the last step of a build of so many scenes, without moments, and most bytes of its process."""
    lake = write_large_lake(folder, scenes)
    command = [sys.executable, "-c", _PUBLISH, str(lake)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    seconds, most = map(float, done.stdout.split()[-2:])
    return seconds, most


def _build(raw: list[Path], place: Path, workers: int) -> tuple[float, float]:
    """Pixels of the scenes, of which some are shorter, and seconds."""
    recipe = Recipe(ratios=(2, 5, 10))
    lake = Lake.create(str(place), recipe.to_lake())
    sources, cluster = [str(path) for path in raw], ClusterOptions(workers=workers)
    began = time.perf_counter()
    done = build_lake(sources, recipe, lake, "train", cluster=cluster, split=SplitOptions(), on_scene=lambda _: None)
    seconds = time.perf_counter() - began
    assert not done.failures, done.failures
    return float(sum(record.lines * record.samples for record in done.built)), seconds


def _study(lake: Lake, folder: Path, trials: int, slots: int) -> float:
    study = Experiment(
        name=folder.name.replace("-", "_"), question="How long does it take?", seeds=tuple(range(trials)),
        arms={"pixel": Arm(base=_SHORT, axes={"data.ratio": (5,)})},
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

    began = time.perf_counter()
    done = run_study(plan(study, [lake]), request, watching, lambda line: None)
    seconds = time.perf_counter() - began
    assert not done.failed, done.failed
    return seconds


def _line(few: tuple[float, float], more: tuple[float, float]) -> tuple[float, float]:
    """Of the seconds of two runs of some work: what comes before, and of a unit of the work."""
    each = max((more[1] - few[1]) / (more[0] - few[0]), _NOTHING)
    return max(few[1] - few[0] * each, _NOTHING), each


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
