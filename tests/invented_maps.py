"""Small maps of scenes that no satellite saw."""

import zlib

import numpy as np

from datasets.orientation import Orientation
from training.artifacts.small_maps import SmallMap


def invented_map(scene_id: str, quality: float = 2, side: tuple[int, int] = (60, 50)) -> SmallMap:
    """A chart of bands with land and a part without a label, and a prediction that is shifted by so many lines."""
    lines, samples = side
    chart = np.repeat((np.arange(lines) * 6 // lines).astype(np.uint8)[:, None], samples, axis=1)
    predicted = np.roll(chart, int(quality), axis=0)
    chart[:, :5] = 255
    land = np.zeros(side, bool)
    land[:, :3] = True
    noise = np.random.default_rng(zlib.crc32(scene_id.encode()))
    sar = (1 + chart % 6 * 8 + noise.integers(0, 12, side)).astype(np.uint8)
    sar[:6, :5] = 0
    return SmallMap(
        scene_id=scene_id,
        words="CapeFarewell, cat1, winter",
        spacing_m=800.0,
        sar=sar,
        land=land,
        charts={"SOD": chart},
        predicted={"SOD": predicted},
        orientation=Orientation(flipped_across=True),
        north=(0.0, 1.0),
    )
