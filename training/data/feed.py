"""Where the patches of a trial are cut out: by loader processes, or on the device, which holds the scenes then."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch

from datasets.loading.resident import ResidentScenes
from datasets.process.machine import usable_memory
from training.data.trial_data import TrialData
from training.loop.device_memory import free_memory
from training.loop.processes import Processes
from training.spec import SpecError

logger = logging.getLogger(__name__)

_KEPT_FREE: Final = 0.25
"""Share of a device's memory that is kept for the network and what it computes."""


@dataclass(frozen=True, kw_only=True)
class ResidentSets:
    """Scenes for the memory of a device; neither set is loaded yet."""

    train: ResidentScenes
    val: ResidentScenes

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.train.nbytes + self.val.nbytes

    def load(self, threads: int, progress: Callable[[int, int], None]) -> None:
        """Reads all scenes, several at a time; `progress` is called with scenes done and their total."""
        train, val = len(self.train.scene_ids), len(self.val.scene_ids)
        self.train.load(threads, lambda done, _: progress(done, train + val))
        self.val.load(threads, lambda done, _: progress(train + done, train + val))


def resident_sets(data: TrialData, processes: Processes, *, share: float = 1.0) -> ResidentSets | None:
    """The scenes that a trial holds on its device, as `loop.feed` says; None where loaders feed it.

    `auto` holds them on a GPU that has room for them, and not in the memory of a CPU, where a copy of patches costs
    little beside a step. `share` is the part of the GPU that is this trial's: trials that share one share no scenes.

    Raises:
        SpecError: `device` was asked for, and its memory is too small.
    """
    spec, device = data.spec, data.inputs.device
    if spec.loop.feed == "loader" or (spec.loop.feed == "auto" and device.type == "cpu"):
        return None
    pixel = spec.data.task == "pixel"
    reader, scenes = data.inputs.reader, data.scenes
    sets = ResidentSets(
        train=ResidentScenes(
            reader,
            scenes.train.scene_ids,
            device,
            border_distance=spec.data.border_distance if pixel else 0.0,
            land=pixel and spec.data.max_land < 1.0,
            charts=pixel,
        ),
        val=ResidentScenes(reader, scenes.val.scene_ids, device, charts=pixel),
    )
    room = _room(device, share if device.type == "cuda" else share / processes.world)
    if sets.nbytes <= room:
        logger.info("the packed training and val scenes (%.1f GB) are held by %s", sets.nbytes / 1e9, device)
        return sets
    lacks = (
        f"the packed scenes ({len(scenes.train)} of training, {len(scenes.val)} of val, ratio {spec.data.ratio}) take "
        f"{sets.nbytes / 1e9:.1f} GB, and {device} has {max(room, 0) / 1e9:.1f} GB for them"
    )
    if spec.loop.feed == "device":
        raise SpecError(
            f"loop.feed = device is not possible: {lacks}; use loop.feed = auto or loader, a larger data.ratio, or "
            "fewer trials on the same GPU"
        )
    logger.info("%s: loader processes feed it", lacks)
    return None


def _room(device: torch.device, share: float) -> float:
    """Bytes of a device that scenes may take, after the part of its memory that is kept for the network."""
    if device.type == "cuda":
        free, total = free_memory(device)
    else:
        free = total = usable_memory()
    return min(free, total * share) - _KEPT_FREE * total * share
