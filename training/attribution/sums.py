"""`AttributionSums`: attributions that add up over patches, scenes and machines; divided once, at the end.

Shapes: K classes, F features (channels and groups).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from datasets.scene import SceneRecord
from training.attribution.settings import AttributionError
from training.evaluation.bins import bins_of
from training.evaluation.confusion import quotient


@dataclass(frozen=True, kw_only=True, eq=False)
class AttributionSums:
    """Sums of the attributions of many patches; read-only, the neutral element is `zero`.

    A pixel-based network is explained by the sum of a class's logit over the pixels of that class, so dividing by their
    number gives the attribution of the mean logit over all pixels of all patches, however they were cut. A patch-based
    network has one logit per patch.

    Attributes:
        signed: (K, F) float64, sum of attributions with their sign.
        absolute: (K, F) float64, sum of absolute attributions, taken before anything is added up.
        n: (K,) int64 pixels (patch-based: patches) that the network assigned to the class.
        patches: (K,) int64 patches that hold one of these.
        change: (K,) float64, sum over patches of logit at the input minus logit at the baseline.
        change_size: (K,) float64, sum of its absolute value per patch.
        error: (K,) float64, sum over patches of |sum of the attributions of all channels - change|.
    """

    signed: NDArray[np.float64]
    absolute: NDArray[np.float64]
    n: NDArray[np.int64]
    patches: NDArray[np.int64]
    change: NDArray[np.float64]
    change_size: NDArray[np.float64]
    error: NDArray[np.float64]

    def __post_init__(self) -> None:
        classes, features = self.signed.shape
        for field in fields(self):
            values = np.array(getattr(self, field.name))  # own copy: the caller's array stays writable, ours does not
            wanted = (classes, features) if field.name in ("signed", "absolute") else (classes,)
            if values.shape != wanted:
                raise AttributionError(f"{field.name} of attribution sums has shape {values.shape}, wanted is {wanted}")
            values.setflags(write=False)
            object.__setattr__(self, field.name, values)

    @classmethod
    def zero(cls, classes: int, features: int) -> "AttributionSums":
        """Of no patch."""
        wide, whole, flat = np.zeros((classes, features)), np.zeros(classes, np.int64), np.zeros(classes)
        return cls(signed=wide, absolute=wide, n=whole, patches=whole, change=flat, change_size=flat, error=flat)

    def __add__(self, other: "AttributionSums") -> "AttributionSums":
        if self.signed.shape != other.signed.shape:
            raise AttributionError(
                f"attribution sums of {self.signed.shape} and {other.signed.shape} classes and features do not add up: "
                "they are of trials with other channels or charts"
            )
        return AttributionSums(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttributionSums) and all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        )

    def __hash__(self) -> int:
        return hash((self.signed.tobytes(), self.n.tobytes()))

    def per_pixel(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """A sum (K, F) or (K,) divided by `n`; NaN for a class that nothing was assigned to."""
        return quotient(values, self.n.reshape(-1, *[1] * (values.ndim - 1)))

    @property
    def completeness_error(self) -> NDArray[np.float64]:
        """(K,) share of the change of the output that the attributions of a patch miss; NaN where nothing changed."""
        return quotient(self.error, self.change_size)


def sum_bins(scenes: Iterable[tuple[SceneRecord, AttributionSums]]) -> Mapping[str, AttributionSums]:
    """Sums of scenes by bin: `all`, season, location, cryoseason, and every scene (`training.evaluation.bins`)."""
    found: dict[str, AttributionSums] = {}
    for record, sums in scenes:
        for name in map(str, bins_of(record)):
            found[name] = found[name] + sums if name in found else sums
    return found
