#!/usr/bin/env python
"""Which network reads sea-ice types best with the published settings?

Two pixel-based networks and seven patch-based ones, each with the settings of the published code. Patch-based ones are
scored as maps too, so that both tasks are in one table. `unet published rate` trains as the published code really did:
its rate stayed at its start, since the schedule took the val loss for the number of the epoch.

Below them stand floors, by the same scenes, patches and scores, which see one pixel at a time and no network: always
the commonest class; one threshold of HV, also corrected for the incidence angle; a linear model; and boosted trees on
all channels of the pixel. A network that does not pass them has learned nothing from what is around a pixel.

    python sweeps/base_model.py --lake LAKE --dry-run

Train on: all training scenes. Test on: all test scenes. (9 networks + the published rate + 5 floors) x 5 seeds
= 75 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Changes
from sweeps.design.bases import SMOKE
from sweeps.design.experiment import Arm, Experiment
from training.spec import Task
from training.spec.protocols import BASELINES, baseline

NETWORKS: dict[Task, tuple[str, ...]] = {
    "pixel": ("unet", "deeplabv3"),
    "patch": ("cnn", "alexnet", "vgg16", "resnet50", "resnet101", "resnet152", "densenet121"),
}
FIELDS = ("model.name", "model.params", "model.pretrained")
FLOORS: dict[str, Changes] = {
    label: {"model.name": f"floor:{name}", "model.params": params, "model.pretrained": None}
    for label, name, params in (
        ("floor commonest", "commonest", {}),
        ("floor HV", "threshold", {"incidence": None}),
        ("floor HV + incidence", "threshold", {}),
        ("floor linear", "linear", {}),
        ("floor trees", "trees", {}),
    )
}


def _networks(task: Task, *, fresh: bool) -> dict[str, Changes]:
    """The published network of each name, then floors; `fresh` without the weights of ImageNet."""
    models = {name: baseline(f"icebench_{name}").model for name in NETWORKS[task]}
    found: dict[str, Changes] = {
        name: {
            "model.name": model.name,
            "model.params": model.params,
            "model.pretrained": None if fresh else model.pretrained,
        }
        for name, model in models.items()
    }
    if task == "pixel":
        found["unet published rate"] = {**found["unet"], "optimizer.schedule": "as_published"}
        found |= FLOORS
    return found


def _arm(task: Task) -> Arm:
    smoke = {field: value for field, value in SMOKE[task].items() if field not in FIELDS}
    if task == "patch":
        smoke |= {
            "data.ratio": 2,
            "data.patch_size": 64,
            "loop.batches_per_epoch": 2,
            "loop.batch_size": 4,
            "loop.max_epochs": 1,
        }
    return Arm(
        base=BASELINES[f"icebench_{NETWORKS[task][-1]}"],
        axes={"model": _networks(task, fresh=False)},
        smoke=smoke,
        smoke_axes={"model": _networks(task, fresh=True)},
    )


EXPERIMENT = Experiment(
    name="base_model",
    question="Which network reads sea-ice types best with the published settings?",
    arms={task: _arm(task) for task in NETWORKS},
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
