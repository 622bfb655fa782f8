"""`check_trial`: everything that a trial can be refused for, before anything of it is started."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

from torch import nn

from datasets.lake import Lake
from datasets.loading.device_batches import DrawnPatches
from datasets.loading.node_cache import NodeCache
from datasets.patches.patch_index import PatchIndex
from training.data.feed import ResidentSets, resident_sets
from training.data.pure_patches import scored_patches
from training.data.training_batches import TrainingBatches, patch_source
from training.data.trial_data import TrialData
from training.data.trial_scenes import Split
from training.loop.device_memory import memory_of, to_train
from training.loop.epoch import TrialOverview
from training.loop.machine import best_device, versions_of
from training.loop.processes import Processes
from training.models import check_network, count_parameters
from training.models.floors import PREFIX
from training.spec import SpecError, TrialSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CheckedTrial:
    """A trial that can be started; a pixel-based one has no pure patches to validate on and to score (None).

    `resident` are the scenes that its device holds once they are loaded, None where loaders feed it.
    """

    data: TrialData
    processes: Processes
    resident: ResidentSets | None
    workers: int
    source: DrawnPatches
    batches: TrainingBatches
    val_patches: PatchIndex | None
    test_patches: PatchIndex | None

    def load(self, held: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Reads what the device holds; `held` is called with scenes done and their total."""
        if self.resident is not None:
            spec = self.data.spec
            with memory_of(self.data.inputs.device, "hold the scenes", to_train(spec)):
                self.resident.load(self.workers + 1, held)

    def overview(self, model: nn.Module) -> TrialOverview:
        """What is known of it before it starts."""
        scenes, device = self.data.scenes, self.data.inputs.device
        return TrialOverview(
            trial_id=self.data.spec.trial_id,
            device=versions_of(device)["device"],
            processes=self.processes.world,
            scenes={split: len(scenes.of(split)) for split in get_args(Split)},
            parameters=count_parameters(model),
            trainable_parameters=count_parameters(model, trainable=True),
            patches_per_epoch=len(self.batches) * self.batches.batch_size,
        )


def check_trial(spec: TrialSpec, lake: Lake, workers: int, cache: NodeCache | None, gpu_share: float) -> CheckedTrial:
    """Raises every error that a spec can have; see `training.trial.run_trial`, whose arguments these are."""
    data = TrialData.of(spec, lake, best_device("auto" if gpu_share else "cpu"), cache=cache)
    check_network(data.spec)
    if data.spec.model.freeze == "encoder" and data.spec.model.pretrained is None:
        logger.warning("model.freeze = 'encoder' without model.pretrained: the features stay those of random weights")
    processes = Processes.current()
    if spec.loop.batch_size < processes.world:
        raise SpecError(
            f"loop.batch_size = {spec.loop.batch_size} is not allowed with {processes.world} processes: each needs a "
            "patch of every batch; use larger batches or fewer processes"
        )
    if data.spec.model.name.startswith(PREFIX) and processes.world > 1:
        raise SpecError(
            f"model.name = {data.spec.model.name!r} is fitted by one process: give the trial one GPU at most"
        )
    val_patches, test_patches = scored_patches(data, data.scenes.val), scored_patches(data, data.scenes.test)
    source = patch_source(data)
    resident = resident_sets(data, processes, share=gpu_share)
    if resident is not None:
        data = replace(data, inputs=replace(data.inputs, resident=resident.val))
    return CheckedTrial(
        data=data,
        processes=processes,
        resident=resident,
        workers=workers,
        source=source,
        batches=TrainingBatches(data, source, processes, workers, None if resident is None else resident.train),
        val_patches=val_patches,
        test_patches=test_patches,
    )
