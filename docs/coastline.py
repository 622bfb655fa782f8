"""Cuts the land of the north out of Natural Earth, into datasets/coastline.json: run once, when the file is made.

Usage: npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz && python docs/coastline.py package/land-50m.json
"""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SOURCE = (
    "Natural Earth 4.1.0, 1:50m land (public domain), from land-50m.json of the npm package world-atlas 2.0.2 "
    "(Copyright 2013-2019 Michael Bostock, ISC licence), north of 30 degrees, by docs/coastline.py"
)

SOUTH = 30.0
"""What lies south of this parallel is left out; maps of all scenes of the archive end some degrees north of it."""

STEP = (0.01, 0.005)
"""Degrees of longitude and latitude of one unit: half a kilometre, far below what a 1:50m line knows."""

ALONG_CUT = 2.0
"""Degrees of longitude between two points along the cut, which is an arc on a polar map."""


def main(topology_path: str, target: Path) -> None:
    """Reads TopoJSON; writes one list for each ring: its first longitude and latitude, then steps to the next point."""
    topology = json.loads(Path(topology_path).read_text())
    scale, translate = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    arcs = [np.cumsum(arc, axis=0) * scale + translate for arc in topology["arcs"]]
    rings = []
    for polygon in topology["objects"]["land"]["geometries"][0]["arcs"]:
        for ring in polygon:
            parts = [arcs[arc] if arc >= 0 else arcs[~arc][::-1] for arc in ring]
            units = np.rint(clipped(np.concatenate(parts)) / STEP).astype(int)
            steps = np.diff(units, axis=0, prepend=0)
            steps = steps[steps.any(axis=1)]
            if len(steps) > 3:  # else a speck of less than a unit
                rings.append(steps.ravel().tolist())
    text = ",\n".join(json.dumps(ring, separators=(",", ":")) for ring in rings)
    target.write_text(f'{{"source": {json.dumps(SOURCE)},\n"step": {json.dumps(STEP)},\n"rings": [\n{text}\n]}}\n')
    print(f"{target}: {len(rings)} rings, {sum(map(len, rings)) // 2} points, {target.stat().st_size} bytes")


def clipped(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a closed ring of (longitude, latitude) north of the cut, with points all along the cut."""
    kept: list[NDArray[np.float64]] = []
    for here, there in pairwise(ring):
        if here[1] >= SOUTH:
            kept.append(here)
        if (here[1] >= SOUTH) != (there[1] >= SOUTH):
            kept.append(here + (there - here) * ((SOUTH - here[1]) / (there[1] - here[1])))
    dense: list[NDArray[np.float64]] = []
    for here, there in zip(kept, [*kept[1:], *kept[:1]], strict=True):
        on_cut = max(abs(here[1] - SOUTH), abs(there[1] - SOUTH)) < STEP[1]
        pieces = max(int(np.ceil(abs(there[0] - here[0]) / ALONG_CUT)), 1) if on_cut else 1
        dense += [here + (there - here) * (piece / pieces) for piece in range(pieces)]
    return np.array([*dense, *dense[:1]]).reshape(-1, 2)


if __name__ == "__main__":
    main(sys.argv[1], Path(__file__).parents[1] / "datasets" / "coastline.json")
