"""How a scene is turned for people: north up and east to the right, as far as its own lines and samples allow.

A satellite writes its lines along its flight and its samples across, so that a scene as it is stored is mirrored, and
of an ascending pass also upside down. Turning by quarters and mirroring moves whole pixels only: nothing is resampled.
"""

from dataclasses import dataclass
from itertools import product
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid

AnyPixel = TypeVar("AnyPixel", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """What is done to an array (line, sample) before it is drawn with its first row on top.

    Attributes:
        transposed: Lines become columns: the pass is nearer to east-west than to north-south.
        flipped_down: Rows are reversed, after that.
        flipped_across: Columns are reversed, after that.
    """

    transposed: bool = False
    flipped_down: bool = False
    flipped_across: bool = False

    @classmethod
    def of(cls, latitude: NDArray[np.floating], longitude: NDArray[np.floating]) -> Self:
        """The best of the eight ways to turn and mirror a scene.

        Args:
            latitude: (n, m) degrees of some lines and samples in their order, n and m at least 2, evenly spread.
            longitude: Likewise; jumps at 180 degrees do not matter.
        """
        along, across = _directions(latitude, longitude)

        def gain(way: Self) -> float:
            down, right = (across, along) if way.transposed else (along, across)
            # How far down goes south and right goes east: their cosines, added up.
            return (down[0] if way.flipped_down else -down[0]) + (-right[1] if way.flipped_across else right[1])

        ways = [
            cls(transposed=transposed, flipped_down=down, flipped_across=right)
            for transposed, down, right in product((False, True), repeat=3)
        ]
        return max(ways, key=gain)

    @classmethod
    def of_tie_grid(cls, ties: TieGrid) -> Self:
        """That of a scene with these tie points."""
        return cls.of(ties.fields[LATITUDE], ties.fields[LONGITUDE])

    def apply(self, values: NDArray[AnyPixel]) -> NDArray[AnyPixel]:
        """A view of (..., line, sample) as it is drawn: (..., row, column)."""
        turned = np.swapaxes(values, -1, -2) if self.transposed else values
        return turned[..., :: -1 if self.flipped_down else 1, :: -1 if self.flipped_across else 1]

    def shape(self, lines: int, samples: int) -> tuple[int, int]:
        """Rows and columns of what is drawn."""
        return (samples, lines) if self.transposed else (lines, samples)

    @property
    def words(self) -> str:
        """Where the lines of the file run in the picture, for its caption."""
        if self.transposed:
            return f"lines run {'left' if self.flipped_across else 'right'}wards"
        return f"lines run {'up' if self.flipped_down else 'down'}wards"


def north_of(latitude: NDArray[np.floating], longitude: NDArray[np.floating]) -> tuple[float, float]:
    """Where north is in the middle of a picture.

    Args:
        latitude: (n, m) degrees by row and column of the picture, evenly spread; pixels are square.
        longitude: Likewise.

    Returns:
        Parts to the right and upwards of an arrow of length 1.
    """
    n, m = latitude.shape
    middle = (slice(max(n // 2 - 1, 0), n // 2 + 1), slice(max(m // 2 - 1, 0), m // 2 + 1))
    down, right = _directions(latitude[middle], longitude[middle])
    arrow = np.array([right[0], -down[0]])
    length = float(np.hypot(*arrow))
    return (0.0, 1.0) if length == 0 else (float(arrow[0] / length), float(arrow[1] / length))


def _directions(latitude: NDArray[np.floating], longitude: NDArray[np.floating]) -> list[tuple[float, float]]:
    """Mean parts to the north and to the east of a step of length 1 along lines, and along samples.

    Computed in space, where neither 180 degrees nor the pole is special.
    """
    lat, lon = np.radians(latitude), np.radians(longitude)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)])
    found = []
    for axis in (1, 2):
        step = np.gradient(up, axis=axis)
        step /= np.linalg.norm(step, axis=0) + 1e-300
        found.append((float((step * north).sum(axis=0).mean()), float((step * east).sum(axis=0).mean())))
    return found
