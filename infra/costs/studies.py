"""The work of all studies, as the catalogue has them: which trials, and how many steps of what."""

from collections import Counter
from collections.abc import Iterable

from infra.costs.campaign import TrialWork
from infra.costs.constants import Constants
from sweeps.design.catalogue import study
from sweeps.design.point import Point

_NO_NETWORK = "floor:"
"""Start of the names of models that are not trained by steps."""


def work_of(names: Iterable[str], constants: Constants, scenes: int) -> list[TrialWork]:
    """The work of studies on a lake of some scenes, equal trials together; raises UnknownNameError.

    An epoch that sees every patch grows with the lake, one of so many batches does not. Explanations and models without
    steps are counted as scoring the test scenes: hours of a campaign of GPU-weeks.
    """
    counts: Counter[tuple[str, int, int, int, int, int]] = Counter()
    for name in names:
        counts.update(_key(point, constants, scenes) for point in study(name).trials())
    return [
        TrialWork(trials=trials, network=network, ratio=ratio, patch=patch, batch=batch, steps=steps, epochs=epochs)
        for (network, ratio, patch, batch, steps, epochs), trials in sorted(counts.items())
    ]


def _key(point: Point, constants: Constants, scenes: int) -> tuple[str, int, int, int, int, int]:
    spec = point.spec
    every = round(constants["patch_epoch_steps"] * scenes / 532)
    steps = every if spec.loop.batches_per_epoch is None else spec.loop.batches_per_epoch
    scores_only = point.attribution is not None or spec.model.name.startswith(_NO_NETWORK)
    epochs = 0 if scores_only else spec.loop.max_epochs
    return spec.model.name, spec.data.ratio, spec.data.patch_size, spec.loop.batch_size, steps, epochs
