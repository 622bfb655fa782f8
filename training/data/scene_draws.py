"""Scenes drawn from others: as many as a set has, with as many labelled pixels; and some held out. Pure."""

import math
from typing import Final

import numpy as np

from datasets.catalog import Catalog

_NEAR: Final = 0.005
"""Share of the wanted labelled pixels by which a drawn set may miss them."""
_TRIES: Final = 20_000
HELD_OUT: Final = 0.1
"""Share of the training scenes that is held out where the val split has none to choose an epoch on."""


def matched(pool: Catalog, like: Catalog, target: str, seed: int) -> Catalog:
    """As many scenes of `pool` as `like` has, drawn at random, with nearly as many pixels labelled in `target`.

    Scenes are drawn without regard to their pixels first. Then one of them at a time is exchanged for another that is
    drawn, and the exchange is kept where it comes nearer to the wanted number of pixels, until less than half a percent
    is missing or no exchange helps any more.
    """
    rng = np.random.default_rng(seed)
    pixels = pool.labelled(target)
    wanted = int(like.labelled(target).sum())
    order = rng.permutation(len(pool))
    inside, outside = order[: len(like)], order[len(like) :]
    gap = int(pixels[inside].sum()) - wanted
    for _ in range(_TRIES if outside.size else 0):
        if abs(gap) <= _NEAR * wanted:
            break
        one, other = int(rng.integers(inside.size)), int(rng.integers(outside.size))
        changed = gap + int(pixels[outside[other]] - pixels[inside[one]])
        if abs(changed) < abs(gap):
            gap = changed
            inside[one], outside[other] = outside[other], inside[one]
    return pool.take(inside)


def held_out(scenes: Catalog) -> tuple[Catalog, Catalog]:
    """Scenes to train on, and about a tenth of them (at least one) by which an epoch is chosen; passes stay together.

    Always the same ones, whatever the seed of a trial. Without two passes nothing can be held out: the second is empty.
    """
    passes: dict[tuple[str, int], list[int]] = {}
    for place, name in enumerate(zip(scenes.column("satellite"), scenes.column("orbit").tolist(), strict=True)):
        passes.setdefault(name, []).append(place)
    wanted = math.ceil(HELD_OUT * len(scenes))
    chosen: list[int] = []
    keys = list(passes)
    for place in np.random.default_rng(0).permutation(len(keys)).tolist():
        if len(chosen) >= wanted:
            break
        group = passes[keys[place]]
        if len(chosen) + len(group) < len(scenes):
            chosen += group
    inside = np.zeros(len(scenes), np.bool_)
    inside[chosen] = True
    return scenes.take(~inside), scenes.take(inside)
