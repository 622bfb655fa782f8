"""The two trials that studies change, and the settings that make any trial small enough for a laptop."""

from collections.abc import Mapping
from typing import Any, Final

from sweeps.design.axes import Axis, Changes
from sweeps.design.experiment import Arm
from training.spec import Task, TrialSpec
from training.spec.protocols import PROTOCOLS

BASES: Final[Mapping[Task, TrialSpec]] = PROTOCOLS
"""The best published network of each task (leaderboard of IceBench), with the published settings."""

SMALL_LOOP: Final[Changes] = {
    "loop.batch_size": 16,
    "loop.batches_per_epoch": 16,
    "loop.max_epochs": 8,
    "loop.patience": 8,
    "optimizer.lr": 3e-3,
    "optimizer.restart_epochs": 8,
}

SMOKE: Final[Mapping[Task, Changes]] = {
    "pixel": {**SMALL_LOOP, "data.patch_size": 32},
    "patch": {
        **SMALL_LOOP,
        "data.patch_size": 16,
        "data.stride": 8,
        "model.name": "cnn",
        "model.params": {},
        "model.pretrained": None,
    },
}
"""Under a minute of training on one core and a lake of small sample scenes: shows that all works, not how well."""


def arm(task: Task, axes: Mapping[str, Axis], *, changes: Changes | None = None, **options: Any) -> Arm:  # noqa: ANN401
    """The arm of a study that changes the published trial of a task: some things in every cell, others along axes."""
    return Arm(base=BASES[task].with_all(changes or {}), axes=axes, smoke=SMOKE[task], **options)


def both(axes: Mapping[str, Axis], *, changes: Changes | None = None, **options: Any) -> dict[Task, Arm]:  # noqa: ANN401
    """The same for both tasks."""
    return {task: arm(task, axes, changes=changes, **options) for task in BASES}
