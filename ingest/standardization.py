"""The z-scores of the ready-to-train product, and how to undo them.

The product holds (x - mean) / std of every channel with the mean and standard deviation over all pixels of the raw
training scenes. Source: misc/global_meanstd.npy of the AutoICE starter kit (sha256 2f3f9188...cdeca), rounded to 4 to 7
digits; t2m of 20180124T194759_dmi, undone with these, agrees with its raw scene to all printed digits.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.tie_grid import INCIDENCE
from ingest.errors import RawSceneError

MEAN_STD: Final[dict[str, tuple[float, float]]] = {
    "nersc_sar_primary": (-14.50826, 5.65975),
    "nersc_sar_secondary": (-24.70121, 4.74676),
    "sar_incidenceangle": (33.99802, 8.32227),
    "distance_map": (23.62767, 14.99019),
    "btemp_6_9h": (148.847, 61.648),
    "btemp_6_9v": (203.519, 38.666),
    "btemp_7_3h": (149.899, 61.675),
    "btemp_7_3v": (204.205, 38.666),
    "btemp_10_7h": (153.892, 60.875),
    "btemp_10_7v": (208.904, 36.245),
    "btemp_18_7h": (165.680, 52.618),
    "btemp_18_7v": (218.587, 28.060),
    "btemp_23_8h": (182.209, 42.887),
    "btemp_23_8v": (226.396, 22.118),
    "btemp_36_5h": (185.195, 38.644),
    "btemp_36_5v": (228.206, 17.653),
    "btemp_89_0h": (212.537, 22.585),
    "btemp_89_0v": (241.257, 16.311),
    "u10m_rotated": (0.6748, 4.7496),
    "v10m_rotated": (0.6076, 5.1961),
    "t2m": (268.627, 9.469),
    "skt": (268.910, 10.305),
    "tcwv": (7.7477, 5.2686),
    "tclw": (0.041246, 0.071128),
}
"""Mean and population standard deviation in the channel's units, by variable name."""

_ZONE_STEP: Final = 0.25
"""A pixel of 80 m is the mean of four pixels of whole zones (of equal ones nearly everywhere)."""
_ZONE_TOLERANCE: Final = 0.01
_LAST_ZONE: Final = 41
_WRONG_ZONES: Final = 1e-3  # share of pixels; a wrong mean or standard deviation misplaces nearly all


def physical(name: str, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """z-scores -> physical values float32, any shape, in place; NaN stays."""
    mean, std = MEAN_STD[name]
    scores *= np.float32(std)
    scores += np.float32(mean)
    return scores


def check_zones(zones: NDArray[np.float32], path: str) -> None:
    """Raises RawSceneError unless the undone distance_map holds zones again; NaN is left out."""
    steps = zones / np.float32(_ZONE_STEP)
    off = np.abs(steps - np.rint(steps)) * _ZONE_STEP > _ZONE_TOLERANCE
    off |= (zones < -_ZONE_TOLERANCE) | (zones > _LAST_ZONE + _ZONE_TOLERANCE)
    share = float(off.mean())
    if share > _WRONG_ZONES:
        raise RawSceneError(
            f"distance_map of {path!r} is not made of zones 0 to {_LAST_ZONE} after its z-score is undone with the "
            f"published mean and standard deviation ({share:.0%} of the pixels are off): the file was scaled in "
            "another way, take the ready-to-train file from the archive again"
        )


def check_incidence(angles: NDArray[np.float32], path: str) -> None:
    """Raises RawSceneError unless the undone incidence angle is one of Sentinel-1; NaN is left out."""
    low, high = float(np.nanmin(angles)), float(np.nanmax(angles))
    least, most = CHANNELS[INCIDENCE].plausible
    if not (least <= low and high <= most):
        raise RawSceneError(
            f"sar_incidenceangle of {path!r} runs from {low:.1f} to {high:.1f} degrees after its z-score is undone "
            f"with the published mean and standard deviation, possible are {least:g} to "
            f"{most:g}: the file was scaled in another way, take the ready-to-train file from the "
            "archive again"
        )
