"""Confusion matrices of two models of which neither is better, for the level of tests and the cover of intervals.

As in the benchmark: few scenes, of very different sizes and mixtures of classes; what is hard for one model is hard for
the other; each model has its luck with a scene, with all scenes of a pass, with a seed, and with both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_CLASSES = 6


@dataclass(frozen=True, kw_only=True)
class World:
    """How much luck there is, as deviations of the logit of the share of right pixels; `better` is the second model's.

    `of_set` is that of training scenes, one set for the first model, another one for each seed of the second;
    `of_set_and_pass` what each set is worth on one pass alone.
    `sizes` is the deviation of the logarithm of scene sizes; `frames` how many scenes a pass has.
    """

    scenes: int
    seeds: int = 5
    frames: int = 1
    of_pass: float = 0.25
    of_seed: float = 0.1
    of_both: float = 0.1
    of_set: float = 0.0
    of_set_and_pass: float = 0.0
    sizes: float = 1.0
    skewed: bool = False
    better: float = 0.0

    @property
    def one_draw(self) -> bool:
        """Whether the first model has one set of training scenes for all its seeds."""
        return self.of_set > 0 or self.of_set_and_pass > 0


def draw(world: World, rng: np.random.Generator) -> NDArray[np.float64]:
    """Counts (2 models, seeds, scenes, classes, classes), row = true class; scenes of a pass follow each other."""
    n, k = world.scenes, world.seeds
    true = rng.dirichlet(np.full(N_CLASSES, 0.4), n) * rng.lognormal(0, world.sizes, (n, 1))
    hard = rng.normal(0, 0.8, (n, 1)) + rng.normal(0, 0.7, N_CLASSES) + rng.normal(0, 0.5, (n, N_CLASSES))
    passes = np.arange(n) // world.frames
    found = np.zeros((2, k, n, N_CLASSES, N_CLASSES))
    for model in range(2):
        luck = 1 - rng.exponential(1, n) if world.skewed else rng.normal(0, 1, n)
        logit = 1.5 + world.better * model + hard + world.of_pass * luck[passes][:, None]
        logit = logit + world.of_pass * rng.normal(0, 1, (n, N_CLASSES))
        logit = logit + world.of_seed * rng.normal(0, 1, (k, 1, 1)) + world.of_both * rng.normal(0, 1, (k, n, 1))
        if world.one_draw:
            sets = k if model else 1
            logit = logit + world.of_set * rng.normal(0, 1, (sets, 1, 1))
            logit = logit + (world.of_set_and_pass * rng.normal(0, 1, (sets, n, 1)))[:, passes]
        right = 1 / (1 + np.exp(-logit))
        wrong = rng.dirichlet(np.full(N_CLASSES, 0.5), (n, N_CLASSES))
        diagonal = np.arange(N_CLASSES)
        wrong[:, diagonal, diagonal] = 0
        wrong /= wrong.sum(axis=-1, keepdims=True)
        found[model] = true[:, :, None] * (1 - right)[..., None] * wrong
        found[model][:, :, diagonal, diagonal] = true * right
    return found
