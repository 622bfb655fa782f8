"""What the GPU benchmarks share: how large they are, the lake that they read, the trainer that they time, rows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.data_wait import SameBatch
from training.data.feed import resident_sets
from training.data.training_batches import TrainingBatches, patch_source
from training.data.trial_data import NetworkInputs, TrialData
from training.data.trial_scenes import TrialScenes
from training.loop.losses import Loss
from training.loop.precision import whole_float32
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models import build_network
from training.models.heads import heads_of
from training.spec import TrialSpec
from training.spec.protocols import ICEBENCH_UNET

RATIOS = (2, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured figure beside its floor, which was measured in the same run."""

    what: str
    measured: str
    floor: str = "-"
    ratio: float | None = None
    reach: str = "-"
    reached: bool | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """How large the benchmarks are, and where they run.

    Attributes:
        device: Where the networks train.
        lake: Of one scene, at `RATIOS`.
        cache: Of decoded scenes, large enough for it.
        spec: The published U-Net, with what a rehearsal makes smaller.
        steps: Of one timed epoch.
        workers: Loader processes where loaders feed.
        rehearsal: Whether this is a CPU, whose numbers are no figures.
    """

    device: torch.device
    lake: Lake
    cache: NodeCache
    spec: TrialSpec
    steps: int
    workers: int
    rehearsal: bool

    def of(self, ratio: int, **changes: object) -> TrialSpec:
        """The spec at a ratio."""
        dotted = {name.replace("__", "."): value for name, value in changes.items()}
        return self.spec.with_all({"data.ratio": ratio, **dotted})

    def data(self, spec: TrialSpec) -> TrialData:
        """Its one scene as training, val and test scene."""
        catalog = self.lake.catalog()
        normalization = Normalization.from_lake(self.lake, spec.data.channels, spec.data.ratio)
        return TrialData(
            spec=spec,
            lake=self.lake,
            scenes=TrialScenes(train=catalog, val=catalog, test=catalog),
            inputs=NetworkInputs.of(spec.data, self.lake, normalization, self.device, self.cache),
        )


def make_bench(folder: Path, device: torch.device) -> Bench:
    """Makes the scene and its lake: 6000 x 6400 pixels of 40 m for a GPU, a small one for a rehearsal on a CPU."""
    rehearsal = device.type == "cpu"
    lines, samples = (700, 800) if rehearsal else (6000, 6400)
    recipe = Recipe(ratios=RATIOS)
    (raw,) = write_samples(folder / "raw", scenes=1, lines=lines, samples=samples, seed=0)
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    # One scene is all: it trains, and `data` gives it for val and test.
    publish(lake, [convert_scene(str(raw), recipe, lake, "train")], SplitOptions())
    steps = 2 if rehearsal else 200
    small = {"data.patch_size": 32, "loop.batch_size": 2, "evaluation.tile": 128} if rehearsal else {}
    spec = ICEBENCH_UNET.with_all({"loop.batches_per_epoch": steps, **small})
    workers = 0 if rehearsal else 4
    cache = NodeCache(folder=folder / "cache", max_bytes=4 << 30)
    return Bench(device=device, lake=lake, cache=cache, spec=spec, steps=steps, workers=workers, rehearsal=rehearsal)


def trainer_of(spec: TrialSpec, device: torch.device, steps: int) -> Trainer:
    """A fresh network in training."""
    torch.manual_seed(0)
    return Trainer(
        build_network(spec),
        Loss(spec.loss, heads_of(spec)),
        loop=spec.loop,
        optimizer=spec.optimizer,
        batches_per_epoch=steps,
        seed=0,
        device=device,
        processes=Processes(),
    )


def captured(trainer: Trainer) -> Trainer:
    """The same with its network compiled into graphs that the GPU replays."""
    network: nn.Module = torch.compile(trainer.model, mode="reduce-overhead")  # type: ignore[assignment]
    trainer._network = network
    return trainer


def batches_of(bench: Bench, spec: TrialSpec, feed: str) -> TrainingBatches:
    """Batches from loader processes, or from the device."""
    data = bench.data(spec.with_("loop.feed", feed))
    resident = resident_sets(data, Processes())
    if resident is not None:
        resident.load(2, lambda done, total: None)
    return TrainingBatches(
        data, patch_source(data), Processes(), bench.workers, None if resident is None else resident.train
    )


def steps_per_second(trainer: Trainer, batches: TrainingBatches | SameBatch, device: torch.device) -> float:
    """Of the second epoch: kernels are chosen, workers started and chunks decoded in the first."""
    trainer.train_epoch(batches, 0)
    started = _now(device)
    trainer.train_epoch(batches, 1)
    return len(batches) / (_now(device) - started)


@contextmanager
def as_a_trial_computes() -> Iterator[None]:
    """Float32 is float32, as in a trial."""
    with whole_float32():
        yield


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
