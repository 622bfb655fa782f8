"""What a study costs beside its trials: time a trial on Ray with MLflow, idle slots, and the campaign's dry run."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from datasets.lake import Lake
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
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
from training.spec import TrialSpec

SPEC: Final = TrialSpec.from_dict(
    {
        "data": {"ratio": 5, "patch_size": 32},
        "optimizer": {"lr": 3e-3},
        "loop": {"batches_per_epoch": 24, "max_epochs": 3, "patience": 3},
        "evaluation": {"fixed_ratio": None},
    }
)
TRIALS: Final = 16
OVERHEAD_REACH, BUSY_REACH, DRY_RUN_REACH = 3.0, 0.85, 2.0


def measure() -> list[Row]:
    """About five minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name, ray_environment(Path(name)):
        return [*_overhead(Path(name)), _dry_run()]


def _overhead(folder: Path) -> list[Row]:
    """Sixteen real trials, two at a time, against one after the other without Ray and MLflow."""
    lake = _lake(folder)
    seconds = _direct(lake, folder)
    ends: list[float] = []

    @contextmanager
    def watching(watched: object) -> Iterator[OnEvent]:
        yield lambda event: ends.append(time.perf_counter()) if event.ended else None

    study = Experiment(
        name="overhead", question="What does Ray cost?", arms={"pixel": Arm(base=SPEC, axes={"data.ratio": (5,)})},
        seeds=tuple(range(TRIALS)),
    )  # fmt: skip
    request = Request(
        lake_urls=(lake.url,),
        tracking_uri=f"sqlite:///{folder}/m.db",
        placement=Placement(cpus=1, gpus=0, max_concurrent=2, storage=str(folder / "storage")),
        strategy=Strategy(),
    )
    started = time.perf_counter()
    done = run_study(plan(study, [lake]), request, watching, lambda line: None)
    whole = time.perf_counter() - started
    assert not done.failed, done.failed
    # After the first two have ended, both slots are warm; two end at a time.
    warm = ends[-1] - ends[1]
    a_trial = warm / (TRIALS - 2) * 2
    overhead = a_trial - seconds
    inside = [(row.ended - row.started) / 1000 for row in done.study.children_rows() if row.ended is not None]
    busy = sum(inside[2:]) / (2 * warm)
    return [
        Row(
            what=f"{TRIALS} trials of seconds, 2 at a time, MLflow on",
            measured=f"{a_trial:.1f} s per trial",
            floor=f"{seconds:.1f} s",
            ratio=f"+{overhead:.1f} s",
            reach=f"<= {OVERHEAD_REACH:g} s more",
            reached=overhead <= OVERHEAD_REACH,
            note=f"trial_overhead {overhead:.1f} s; floor: alone, two at once; {whole:.0f} s with the start of Ray",
        ),
        Row(
            what="share of the slots that train",
            measured=f"{100 * busy:.0f} %",
            floor="-",
            ratio="-",
            reach=f">= {100 * BUSY_REACH:.0f} %",
            reached=busy >= BUSY_REACH,
            note="time from start to end of the attempts over that of both slots, after the first two",
        ),
    ]


_DIRECT: Final = """
import sys, time
from pathlib import Path
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from tests.benchmarks.study_overhead import SPEC
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial
import torch
torch.set_num_threads(1)
lake, folder = Lake.open(sys.argv[1]), Path(sys.argv[2])
run_trial(SPEC, lake, MemoryTracker(), folder=folder / "warm", cache=NodeCache.default())
started = time.perf_counter()
for seed in range(3):
    run_trial(SPEC.with_("seed", seed), lake, MemoryTracker(), folder=folder / str(seed), cache=NodeCache.default())
print((time.perf_counter() - started) / 3)
"""


def _direct(lake: Lake, folder: Path) -> float:
    """Seconds of `run_trial` in two processes side by side, as the slots have it."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _DIRECT, lake.url, str(folder / f"direct-{number}")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    found = [float(process.communicate()[0].split()[-1]) for process in processes]
    return sum(found) / len(found)


def _dry_run() -> Row:
    """The whole campaign, printed."""
    command = [sys.executable, "sweeps/all.py", "--dry-run"]
    floor = min(_seconds([sys.executable, "-c", "import typer, rich, pydantic, numpy"]) for _ in range(3))
    seconds = min(_seconds(command) for _ in range(3))
    return Row(
        what="--dry-run of the campaign",
        measured=f"{seconds:.2f} s",
        floor=f"{floor:.2f} s",
        ratio=f"{seconds / floor:.1f}",
        reach=f"< {DRY_RUN_REACH:g} s",
        reached=seconds < DRY_RUN_REACH,
        note="floor: Python that imports typer, rich, pydantic and numpy",
    )


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def _lake(folder: Path) -> Lake:
    """Six scenes to train on and two to be scored on, small."""
    recipe = Recipe(ratios=(5,))
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    train = write_samples(folder / "raw", scenes=6, lines=1000, samples=1040, seed=1)
    test = write_samples(folder / "raw-test", scenes=2, lines=1000, samples=1040, seed=2)
    records = [convert_scene(str(path), recipe, lake, "train") for path in train]
    records += [convert_scene(str(path), recipe, lake, "test") for path in test]
    publish(lake, records, SplitOptions())
    return lake
