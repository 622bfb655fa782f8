"""The published trials, by name: what IceBench shipped, and what won the AutoICE challenge.

Settings are those of the published code as far as it can run (configs/config_model.ini and the segmentation and
classification scripts of UCD-BDLab/IceBench; configs/sic_mse/sic_mse.py of MMSeaIce). Where ours differ on purpose:

* Augmentation changes image and label together, with draws of its own for every patch; published, only the image of
  pixel-based models was changed, by one draw per batch.
* Networks have one output per class. Published pixel-based ones have one more, which can never be a target.
* Schedules advance with the batches. The published scripts gave them the val loss as the number of the epoch, so that
  the rate hardly moved: `icebench_unet_as_published` does so too.
* The winner decimates the 80 m product by 10; our ratio 20 takes block means of 40 m to the same 800 m.
"""

from collections.abc import Mapping
from typing import Any, Final

from datasets.errors import unknown_name
from training.spec import AugmentSpec, DataSpec, LoopSpec, LossSpec, ModelSpec, OptimizerSpec, Task, TrialSpec

_FRESH: Final = {"first_layer": "random"}
_TURNED: Final = AugmentSpec(flip_lines=0.5, rotate=1.0, rotate_degrees=10.0)


def _pixel_based(name: str, params: Mapping[str, Any]) -> TrialSpec:
    """80 m, patches of 256, Adam 1e-4, warm restarts every 20 epochs, at most 300 epochs, patience 30."""
    return TrialSpec(model=ModelSpec(name=name, params=dict(params)), augment=_TURNED)


def _patch_based(name: str, params: Mapping[str, Any] | None = None, *, pretrained: bool = True) -> TrialSpec:
    """200 m, pure patches of 224 every 100 pixels, all in every epoch; ImageNet weights but for the first layer.

    The published default schedule is unknown to the patch-based scripts, which stop with an error; ours is that of the
    pixel-based ones.
    """
    return TrialSpec(
        data=DataSpec(task="patch", ratio=5, patch_size=224, stride=100),
        model=ModelSpec(name=name, params=dict(params or {}), pretrained="imagenet" if pretrained else None),
        augment=_TURNED,
        loop=LoopSpec(batches_per_epoch=None),
    )


ICEBENCH_UNET: Final = _pixel_based("unet", {"filters": [16, 32, 64, 64]})
"""Pixel-based U-Net of IceBench."""

ICEBENCH_UNET_AS_PUBLISHED: Final = ICEBENCH_UNET.with_("optimizer.schedule", "as_published")
"""The same, with the rate as the published code really had it: every schedule was given the val loss as the number of
the epoch, so that it stayed at 0.94 to 1.00 of its start."""

AUTOICE_WINNER: Final = TrialSpec(
    data=DataSpec(ratio=20, targets=("SIC", "SOD", "FLOE")),
    model=ModelSpec(name="unet", params={"filters": [32, 32, 64, 64]}),
    optimizer=OptimizerSpec(name="sgd", lr=1e-3, momentum=0.9, weight_decay=0.01),
    loss=LossSpec(sic="regression", task_weights={"SIC": 1.0, "SOD": 3.0, "FLOE": 3.0}),
    augment=AugmentSpec(
        flip_lines=0.5,
        flip_samples=0.5,
        rotate=0.5,
        rotate_degrees=90.0,
        scale=0.5,
        scale_range=0.1,
        cutmix=0.5,
        cutmix_alpha=1.0,
    ),
    loop=LoopSpec(patience=300, monitor="score"),
)
"""U-Net of the University of Waterloo (MMSeaIce, tc-18-1621-2024): three charts at 800 m, combined score 86.3."""

BASELINES: Final[Mapping[str, TrialSpec]] = {
    "icebench_unet": ICEBENCH_UNET,
    "icebench_unet_as_published": ICEBENCH_UNET_AS_PUBLISHED,
    "icebench_deeplabv3": _pixel_based("deeplabv3", {}),
    "icebench_cnn": _patch_based("cnn", pretrained=False),
    "icebench_alexnet": _patch_based("alexnet"),
    "icebench_vgg16": _patch_based("vgg16", _FRESH),
    "icebench_resnet50": _patch_based("resnet50", _FRESH),
    "icebench_resnet101": _patch_based("resnet101", _FRESH),
    "icebench_resnet152": _patch_based("resnet152", _FRESH),
    "icebench_densenet121": _patch_based("densenet121", _FRESH),
    "autoice_winner": AUTOICE_WINNER,
}

PROTOCOLS: Final[Mapping[Task, TrialSpec]] = {
    "pixel": ICEBENCH_UNET,
    "patch": BASELINES["icebench_densenet121"],
}
"""The best published trial of each task (leaderboard of IceBench): compared networks use its settings."""


def baseline(name: str) -> TrialSpec:
    """The published trial of this name; raises UnknownNameError with the nearest name."""
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES)
    return BASELINES[name]
