"""The data of a trial: which patches it trains on, how they are read, and what the device makes of them."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from datasets.catalog import Catalog
from datasets.labels import chart
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batches import Batch, BatchDataset, BatchLoader, PatchSource
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from datasets.loading.scene_inputs import SceneInputs
from datasets.loading.scene_reader import SceneReader
from datasets.patches.crops import RandomCrops
from datasets.patches.index_build import build_index
from datasets.patches.indexed_patches import IndexedPatches
from datasets.patches.patch_index import PatchIndex
from datasets.patches.patch_rules import PatchRule
from training.data.augment import VectorChannels, augment
from training.data.trial_scenes import TrialScenes
from training.loop.losses import balanced_weights
from training.loop.processes import Processes
from training.spec import DataSpec, TrialSpec
from training.tracking.tracker import DatasetNote

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrialData:
    """What a trial reads, and on which device it is wanted.

    Attributes:
        spec: Of the trial, bound to the lake.
        lake: The data.
        scenes: Its scenes by split.
        normalization: Channel statistics of the lake's training scenes.
        device: Where the network computes.
        processes: Those of the trial.
        cache: Decoded arrays of this node; None reads every window from the lake.
        workers: Processes that read training patches for this one.
    """

    spec: TrialSpec
    lake: Lake
    scenes: TrialScenes
    normalization: Normalization
    device: torch.device
    processes: Processes
    cache: NodeCache | None
    workers: int

    @cached_property
    def reader(self) -> SceneReader:
        """Reads the scenes in this process."""
        data = self.spec.data
        return SceneReader(self.lake, ratio=data.ratio, channels=data.channels, targets=data.targets, cache=self.cache)

    @cached_property
    def assemble(self) -> Assembler:
        """Makes the input of the network."""
        return Assembler(self.normalization, ratio=self.spec.data.ratio, device=self.device)

    def training(self) -> "TrainingPatches":
        """The batches to train on.

        Raises:
            SplitError: No window of the training scenes is a patch, or none of the val or test scenes.
        """
        if self.spec.data.task == "patch":
            _ = self.val_index, self.test_index  # they raise now, and not after an epoch
        return TrainingPatches(self, self.patch_source)

    def inputs(self, scene_id: str) -> SceneInputs:
        """A whole scene as the network sees it."""
        return SceneInputs(self.reader, scene_id, self.assemble, self.device)

    @cached_property
    def val_index(self) -> PatchIndex:
        """The pure patches of the val scenes, of a patch-based trial; raises SplitError if there is none."""
        return self.pure_index(self.scenes.val)

    @cached_property
    def test_index(self) -> PatchIndex:
        """The pure patches of the test scenes, likewise."""
        return self.pure_index(self.scenes.test)

    def val_patches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """This process's part of the pure val patches, x (B, C, P, P) and y (B, 1) uint8 on the device, in order."""
        index, size = self.val_index, self.spec.loop.batch_size
        source = IndexedPatches(index, length=None, balanced=False, seed=None)
        dataset = BatchDataset(self.reader, source, batch_size=size)
        for start in range(self.processes.rank * size, len(index), self.processes.world * size):
            batch = dataset.batch(0, range(start, min(start + size, len(index)))).to(self.device)
            yield self.assemble(batch), batch.y

    @property
    def longest_side(self) -> int:
        """Of the scenes that are scored whole, in pixels of the ratio."""
        sides = [max(record.lines, record.samples) for record in (*self.scenes.val, *self.scenes.test)]
        longest: int = max(sides) // self.spec.data.ratio
        return longest

    def notes(self) -> Iterator[DatasetNote]:
        """What the tracker is told of the scenes, one note a split."""
        target, lake = self.spec.data.primary, self.lake
        for context in ("train", "val", "test"):
            scenes: Catalog = getattr(self.scenes, context)
            pixels = {
                name: sum(record.pixels[target].get(value, 0) for record in scenes)
                for value, name in enumerate(chart(target).classes)
            }
            yield DatasetNote(
                name=lake.url.rsplit("/", 1)[-1] or "lake",
                url=lake.url,
                digest=lake.digest,
                recipe=lake.recipe_digest,
                context=context,
                scenes=len(scenes),
                profile={
                    "ratio": self.spec.data.ratio,
                    "scenes by season": dict(Counter(record.season for record in scenes)),
                    "scenes by location": dict(Counter(record.location for record in scenes)),
                    f"{target} pixels of 40 m": pixels,
                },
            )

    def class_weights(self) -> Mapping[str, Sequence[float]]:
        """Weights of the classes by chart, as the spec has them; balanced are those of what is trained on."""
        weights, name = self.spec.loss.class_weights, self.spec.data.primary
        if weights == "none":
            return {}
        if weights != "balanced":
            return {name: weights}
        if isinstance(self.patch_source, IndexedPatches):
            return {name: tuple(self.patch_source.class_weights.tolist())}
        found = {}
        for target in self.spec.data.targets:
            rows = [record.pixels[target] for record in self.scenes.train]
            pixels = {value: sum(row.get(value, 0) for row in rows) for value in range(chart(target).n_classes)}
            found[target] = balanced_weights(pixels, chart(target).n_classes)
        return found

    @cached_property
    def patch_source(self) -> PatchSource:
        """Which patches the trial trains on; all that is random follows from the seed of the spec."""
        spec, data = self.spec, self.spec.data
        batches = spec.loop.batches_per_epoch
        length = None if batches is None else batches * spec.loop.batch_size
        if data.task == "patch":
            index = self._index(self.scenes.train, data)
            if data.max_patches is not None and data.max_patches < len(index):
                index = index.prefix(data.max_patches, spec.seed)
            if self.processes.is_first:
                _tell_what_is_missing(index)
            return IndexedPatches(index, length=length, balanced=data.balanced, seed=spec.seed)
        assert length is not None  # the spec sees to it
        return RandomCrops(
            self.scenes.train.scene_ids,
            patch_size=data.patch_size,
            max_masked=data.max_masked,
            max_land=data.max_land,
            border_distance=data.border_distance,
            length=length,
            seed=spec.seed,
            pool=data.max_patches,
        )

    def pure_index(self, scenes: Catalog) -> PatchIndex:
        """The pure patches of some scenes; raises SplitError if there is none.

        The rules of border and land are of training patches alone: trials with other rules are scored alike.
        """
        return self._index(scenes, self.spec.data.model_copy(update={"border_distance": 0.0, "max_land": 1.0}))

    def _index(self, scenes: Catalog, data: DataSpec) -> PatchIndex:
        rule = PatchRule(
            ratio=data.ratio,
            target=data.primary,
            patch_size=data.patch_size,
            stride=data.stride,
            border_distance=data.border_distance,
            max_land=data.max_land,
        )
        return build_index(self.lake, scenes, rule, folder=None if self.cache is None else self.cache.folder / "index")


def _tell_what_is_missing(index: PatchIndex) -> None:
    if index.absent_classes:
        logger.warning("no training patch is %s: the network cannot learn it", " or ".join(index.absent_classes))
    if index.too_small:
        logger.warning(
            "training scenes smaller than a patch of %d pixels are left out: %s",
            index.rule.patch_size,
            ", ".join(index.too_small),
        )


class TrainingPatches:
    """Batches to train on, this process's part of each; a `training.loop.trainer.TrainingData`."""

    def __init__(self, data: TrialData, source: PatchSource) -> None:
        spec, processes = data.spec, data.processes
        dataset = BatchDataset(
            data.reader, source, batch_size=spec.loop.batch_size, rank=processes.rank, world=processes.world
        )
        self._batch_size = dataset.batch_size
        self._loader = BatchLoader(dataset, workers=data.workers)
        self._data = data

    def __len__(self) -> int:
        return len(self._loader)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        return self._loader.epoch(number)

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Input x (B, C, P, P) and label y, (B, T, P, P) or (B, T) uint8, on the device, augmented together."""
        data = self._data
        batch = batch.to(data.device)
        # Every batch has a stream of its own, the same in every process of the trial: a restart, and a start with more
        # processes, sees the same changes.
        seed = np.random.SeedSequence((data.spec.seed, epoch, number))
        return augment(
            data.assemble(batch),
            batch.y,
            data.spec.augment,
            torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1)),
            vectors=VectorChannels.wind(data.normalization) if data.spec.augment.turn_wind else (),
            processes=data.processes,
            batch_size=self._batch_size,
        )
