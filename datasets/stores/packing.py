"""`Packing`: physical values as small whole numbers, by CF `scale_factor` and `_FillValue`.

A block mean that is rounded to 1/32 dB is a whole number of 1/32 dB: as int16 it takes half the bytes of a float32,
in the node's cache and on the way to a device too. Scales are one to seven times a power of two, so that unpacking is
exact in float32. There is no `add_offset`, which is 0 by default (CF 8.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from datasets.errors import PackingError

_SCALE: Final = "scale_factor"
_FILL: Final = "_FillValue"

_STRIP: Final = 1 << 16
"""Values at a time, so that the passes over them stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How one array is packed: physical value = stored whole number * scale.

    Attributes:
        dtype: Of the stored numbers.
        scale: In the units of the array; 1 to 7 times a power of two.
    """

    dtype: Literal["int16", "uint8", "uint16"]
    scale: float

    @property
    def fill(self) -> int:
        """Stored number of no data: the smallest of a signed type, the largest of an unsigned one."""
        known = np.iinfo(self.dtype)
        return int(known.min) if known.min < 0 else int(known.max)

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest physical value that can be stored."""
        known = np.iinfo(self.dtype)
        low, high = (known.min + 1, known.max) if known.min < 0 else (0, known.max - 1)
        return low * self.scale, high * self.scale

    def pack(self, values: NDArray[np.float32], *, what: str) -> NDArray[np.generic]:
        """Stores physical values; rounds to the nearest multiple of the scale.

        Args:
            values: Any shape, float32, NaN = no data.
            what: Names the array in an error.

        Returns:
            The same shape, stored numbers.

        Raises:
            PackingError: A value is outside the limits.
        """
        packed = np.empty(values.shape, self.dtype)
        low, high = self.limits
        flat, target = values.reshape(-1), packed.reshape(-1)
        for start in range(0, flat.size, _STRIP):
            strip = flat[start : start + _STRIP] / np.float32(self.scale)
            np.rint(strip, out=strip)
            missing = None
            if np.isnan(strip.min()):
                missing = np.isnan(strip)
                np.copyto(strip, np.float32(0), where=missing)
            if not (low / self.scale <= strip.min() and strip.max() <= high / self.scale):
                raise PackingError(
                    f"{what} has values from {strip.min() * self.scale:g} to {strip.max() * self.scale:g}, and "
                    f"{self.dtype} in steps of {self.scale:g} holds {low:g} to {high:g}: leave out what is no "
                    "measurement before it is packed"
                )
            target[start : start + _STRIP] = strip
            if missing is not None:
                np.copyto(target[start : start + _STRIP], self.fill, where=missing)
        return packed

    def unpack(self, stored: NDArray[Any], out: NDArray[np.float32]) -> None:
        """Writes the physical values of stored numbers into `out` (the same shape, float32), NaN = no data."""
        np.multiply(stored, np.float32(self.scale), out=out, dtype=np.float32)
        out[stored == self.fill] = np.nan

    def attributes(self) -> dict[str, Any]:
        """The CF attributes that plain xarray unpacks by."""
        return {_SCALE: self.scale, _FILL: self.fill}

    @classmethod
    def of(cls, dtype: str, attributes: Mapping[str, Any]) -> Self | None:
        """Packing of an array with these attributes; None for one that holds its values as they are."""
        if _SCALE not in attributes or dtype not in ("int16", "uint8", "uint16"):
            return None
        found = cls(dtype=dtype, scale=float(attributes[_SCALE]))  # type: ignore[arg-type]  # one of the three
        return found if attributes.get(_FILL) == found.fill else None


ZONES: Final = Packing(dtype="uint8", scale=0.25)
"""Of `distance_map`: zones 0 to 41 in quarters."""
