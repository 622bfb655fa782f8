"""Evaluation of one large scene: everything from the lake to the confusion matrices, against only the forward passes.

The scene has the width of a real one at 80 m and part of its lines (`LINES`): all costs grow with the pixels, and the
whole takes minutes on a small machine. The floor is the same network on the same tiles, their inputs ready in memory,
nothing else done, timed before and after the evaluation (the mean of both: a shared machine drifts). Processor seconds
decide: they hold all that the threads beside the network cost, whatever else the machine does. Wall time stands beside.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.normalize import Normalization
from datasets.loading.scene_inputs import SceneInputs
from datasets.loading.scene_reader import SceneReader
from datasets.scene import SceneRecord
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.full_scene import Row
from training.artifacts.maps import draw_maps
from training.evaluation.bins import ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.predict import outputs_of
from training.evaluation.score_scenes import SceneScore, SceneToScore, open_scene, score_scenes
from training.evaluation.tiles import Tiling, tiling_of
from training.models.unet import UNet
from training.spec import TrialSpec

RATIO, LINES, SAMPLES, WHOLE = 2, 2000, 5200, (5000, 5200)
OVERHEAD_REACH, COUNT_REACH = 1.10, 2.0
SPEC = TrialSpec().with_("data.ratio", RATIO)


@dataclass(frozen=True, kw_only=True)
class Took:
    """Seconds of the wall clock and of all threads together."""

    wall: float
    cpu: float

    def __add__(self, other: "Took") -> "Took":
        return Took(wall=self.wall + other.wall, cpu=self.cpu + other.cpu)


def timed(work: Callable[[], object]) -> Took:
    """What a piece of work took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def measure() -> list[Row]:
    """Makes a lake with one scene, and evaluates a U-Net of the benchmark on it; some minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        lake = _lake(folder)
        torch.manual_seed(0)
        model = UNet(len(SPEC.data.channels), 6).eval()
        tiling = tiling_of(model, len(SPEC.data.channels), SPEC.evaluation.tile)
        shape = (LINES, SAMPLES)
        before = _forward_alone(model, tiling, shape)
        scoring = timed(lambda: _evaluate(model, tiling, lake, None))
        between = _forward_alone(model, tiling, shape)
        drawing = timed(lambda: _evaluate(model, tiling, lake, folder))
        after = _forward_alone(model, tiling, shape)
    share = f"{_share(tiling, shape):.2f} x the pixels"
    note = f"{LINES} of 5000 lines, tiles of {tiling.side} + {tiling.halo} around: {share}"
    return [
        _row("evaluation of a scene, lake to matrices", scoring, before + between, note),
        _row(
            "the same with a map drawn",
            drawing,
            between + after,
            f"a map costs the same for all {WHOLE[0]} lines, whose tiles are {_share(tiling, WHOLE):.2f} x the pixels",
        ),
        _count_row(),
    ]


def _share(tiling: Tiling, shape: tuple[int, int]) -> float:
    """Pixels computed per pixel kept: 1 in one piece, more with halos."""
    sides = [(tile.outer_lines, tile.outer_samples) for tile in tiling.tiles(shape)]
    computed = sum((lines.stop - lines.start) * (samples.stop - samples.start) for lines, samples in sides)
    return computed / (shape[0] * shape[1])


def _row(what: str, measured: Took, twice_floor: Took, note: str) -> Row:
    wall, cpu = 2 * measured.wall / twice_floor.wall, 2 * measured.cpu / twice_floor.cpu
    return Row(
        what=what,
        measured=f"{measured.cpu:.1f} s",
        floor=f"{twice_floor.cpu / 2:.1f} s",
        ratio=f"{cpu:.3f}",
        reach=f"<= {OVERHEAD_REACH:.2f}",
        reached=cpu <= OVERHEAD_REACH,
        note=f"processor seconds; wall {wall:.2f} x; {note}",
    )


def _lake(folder: Path) -> Lake:
    recipe = Recipe(ratios=(RATIO,))
    (raw,) = write_samples(folder / "raw", scenes=1, lines=RATIO * LINES, samples=RATIO * SAMPLES, seed=0)
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    publish(lake, [convert_scene(str(raw), recipe, lake, "train")], SplitOptions())
    return lake


def _forward_alone(model: nn.Module, tiling: Tiling, shape: tuple[int, int]) -> Took:
    """The network on all tiles of a scene."""
    took = Took(wall=0.0, cpu=0.0)
    for tile in tiling.tiles(shape):
        height, width = (outer.stop - outer.start for outer in (tile.outer_lines, tile.outer_samples))
        x_BCHW = torch.randn(1, len(SPEC.data.channels), height, width)
        took += timed(lambda x_BCHW=x_BCHW: outputs_of(model, x_BCHW))
    return took


def _evaluate(model: nn.Module, tiling: Tiling, lake: Lake, maps: Path | None) -> None:
    """From a closed lake to confusion matrices on both grids, and a map where a folder is given."""
    data, device = SPEC.data, torch.device("cpu")
    assemble = Assembler(Normalization.from_lake(lake, data.channels, RATIO), ratio=RATIO, device=device)
    reader = SceneReader(lake, ratio=RATIO, channels=data.channels, targets=data.targets, cache=None)

    def open_one(record: SceneRecord) -> SceneToScore:
        return open_scene(SceneInputs(reader, record.scene_id, assemble, device), lake, record, SPEC)

    def finish(score: SceneScore) -> ConfusionMatrix:
        if maps is not None:
            draw_maps(score, SPEC, lake, maps)
        return score.matrices[ScoreKey("test", SPEC.data.primary)]

    (matrix,) = score_scenes(model, lake.catalog(), open_one, SPEC, tiling, finish)
    assert 0 < matrix.n <= LINES * SAMPLES


def _count_row() -> Row:
    """A matrix of a whole scene against counting one raster's values."""
    rng = np.random.default_rng(0)
    true = np.kron(rng.integers(0, 6, (50, 52)), np.ones((100, 100))).astype(np.uint8)
    pred = np.where(rng.random(true.shape) < 0.9, true, 3).astype(np.uint8)
    counted, floor = [], []
    for _ in range(3):
        started = time.perf_counter()
        ConfusionMatrix.from_arrays(true, pred, 6)
        counted.append(time.perf_counter() - started)
        started = time.perf_counter()
        np.bincount(true.reshape(-1), minlength=6)
        floor.append(time.perf_counter() - started)
    measured, least = statistics.median(counted), statistics.median(floor)
    return Row(
        what=f"confusion matrix of {true.shape[0]} x {true.shape[1]}",
        measured=f"{measured:.2f} s",
        floor=f"{least:.2f} s",
        ratio=f"{measured / least:.2f}",
        reach=f"<= {COUNT_REACH:.1f}",
        reached=measured <= COUNT_REACH * least,
        note="floor: numpy.bincount of the truth alone",
    )
