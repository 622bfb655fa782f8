"""Tests of a difference: how often each tells two models apart of which neither is better, and of which one is.

The report's test has to keep 5 %, whatever the number of scenes, by both scores; others stand beside, by scipy where
it has them. Three times the error of the simulation is forgiven.

A set of scenes against draws of as many, with five seeds, on 6, 8, 12 and 20 passes, 1,000 simulations each: 1, 3, 4
and 5 % where draws differ by 0.3; 3, 5, 5 and 7 % by 0.6; less where they differ from pass to pass. At 0.5 %, the first
step of ten comparisons, 20 passes have 1.1 and 2.8 %; with ten seeds 0.3 %.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sweeps.report.intervals import ALPHA, SUBSETS, interval, over_seeds, subsets
from tests.benchmarks.full_scene import Row
from tests.simulated_scores import World, draw
from training.evaluation.confusion import score_arrays

TIMES: Final = 300
SCENES: Final = (3, 5, 6, 8, 12, 20)
WORLDS: Final[Mapping[str, Mapping[str, float]]] = {
    "as in the benchmark": {},
    "three frames of a pass": {"frames": 3},
    "skewed luck, sizes over two decades": {"skewed": True, "sizes": 1.6},
    "a set of scenes against draws of as many": {"of_set": 0.3},
    "draws that differ more": {"of_set": 0.6},
    "draws that differ from pass to pass": {"of_set_and_pass": 0.6},
    "draws that differ in both": {"of_set": 0.3, "of_set_and_pass": 0.6},
    "one is better": {"better": 0.35},
}
_RESAMPLES: Final = 999


def measure() -> list[Row]:
    """A row for each world, score and number of scenes."""
    rows = []
    for name, changes in WORLDS.items():
        for score in ("f1", "f1_ice"):
            for scenes in SCENES:
                world = World(scenes=scenes, **changes)  # type: ignore[arg-type]
                rows.append(_row(f"{name}, {score}, {scenes} scenes", _shares(world, score, TIMES), world))
    return rows


def told_apart(
    counts: NDArray[np.float64], score: str, frames: int = 1, most: int = SUBSETS, *, one_draw: bool = False
) -> bool:
    """Whether the report's test tells the two models of `draw` apart; on at `most` so many subsets."""
    counts = _by_pass(counts, frames)
    chosen = subsets(counts.shape[2], most)
    draws = over_seeds(_differences(counts, chosen.chosen, score), (range(counts.shape[1]),), one_draw=one_draw)
    found = interval(draws, chosen.repeats)
    return found.known and not found.holds(0.0)


def _row(what: str, shares: Mapping[str, float], world: World) -> Row:
    own, *others = shares.items()
    limit = ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / TIMES)
    return Row(
        what=what,
        measured=f"{own[1]:.1%}",
        floor=f"{ALPHA:.0%}",
        ratio=f"{own[1] / ALPHA:.2f}",
        reach="-" if world.better else f"<= {limit:.1%}",
        reached=bool(world.better) or own[1] <= limit,
        note=", ".join(f"{name} {share:.1%}" for name, share in others),
    )


def _shares(world: World, score: str, times: int) -> dict[str, float]:
    """How often each test tells two models apart."""
    rng = np.random.default_rng(world.scenes)
    counted: dict[str, int] = {}
    for _ in range(times):
        counts = draw(world, rng)
        for name, told in _all_tests(counts, score, world).items():
            counted[name] = counted.get(name, 0) + told
    return {name: count / times for name, count in counted.items()}


def _all_tests(counts: NDArray[np.float64], score: str, world: World) -> dict[str, bool]:
    by_pass = _by_pass(counts, world.frames)
    passes = np.arange(by_pass.shape[2])

    def difference(places: NDArray[np.intp], axis: int = -1) -> NDArray[np.float64]:
        """Mean over seeds, of the passes at these places (..., passes), for scipy."""
        times = (np.moveaxis(np.asarray(places), axis, -1)[..., None] == passes).sum(axis=-2).astype(float)
        found = _differences(by_pass, times.reshape(-1, len(passes)), score).mean(axis=0)
        return found.reshape(times.shape[:-1])

    found = {"subsets of passes and seeds": told_apart(counts, score, world.frames, one_draw=world.one_draw)}
    if len(passes) < 2:  # the others are not defined for one pass
        return found
    signs = _sign(by_pass, score)
    for name in ("percentile", "BCa"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a handful of passes gives bootstraps without spread
            ends = stats.bootstrap(
                (passes,),
                difference,
                n_resamples=_RESAMPLES,
                method=name,
                random_state=np.random.default_rng(0),
                vectorized=True,
            ).confidence_interval
        found[f"{name} bootstrap and seeds of one sign"] = bool(signs and not ends.low <= 0 <= ends.high)
    found["jackknife t, passes and seeds"] = _jackknife(by_pass, score)
    return found


def _jackknife(counts: NDArray[np.float64], score: str) -> bool:
    """Studentized: deviation over passes by the jackknife and over seeds, Satterthwaite's degrees of freedom."""
    seeds, passes = counts.shape[1:3]
    of_seeds = _differences(counts, np.ones((1, passes)), score)[:, 0]
    without = _differences(counts, 1 - np.eye(passes), score).mean(axis=0)
    over = (passes - 1) / passes * ((without - without.mean()) ** 2).sum(), of_seeds.var(ddof=1) / seeds
    freedom = sum(over) ** 2 / (over[0] ** 2 / (passes - 1) + over[1] ** 2 / (seeds - 1))
    return bool(abs(of_seeds.mean()) > stats.t.ppf(1 - ALPHA / 2, freedom) * np.sqrt(sum(over)))


def _sign(counts: NDArray[np.float64], score: str) -> bool:
    """Whether all seeds have the same sign."""
    of_seeds = _differences(counts, np.ones((1, counts.shape[2])), score)[:, 0]
    return bool(abs(np.sign(of_seeds).sum()) == len(of_seeds))


def _differences(counts: NDArray[np.float64], times: NDArray[np.float64], score: str) -> NDArray[np.float64]:
    """Second model minus the first on weighted sums of passes: (seeds, sums)."""
    models, seeds, passes = counts.shape[:3]
    flat = np.moveaxis(counts, 2, 0).reshape(passes, -1)
    pooled = (times @ flat).reshape(len(times), models, seeds, *counts.shape[3:])
    scores = score_arrays(pooled)[score]
    found: NDArray[np.float64] = (scores[:, 1] - scores[:, 0]).T
    return found


def _by_pass(counts: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    starts: Sequence[int] = range(0, counts.shape[2], frames)
    return np.add.reduceat(counts, list(starts), axis=2)
