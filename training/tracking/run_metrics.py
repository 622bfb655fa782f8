"""Names of metrics in MLflow, whose pages draw a chart for each: the few that a person looks at first stay on top.

All others of a trial, over a hundred, go into one group that its pages put last. Only the names in MLflow differ:
programs write and read `test/class/old_ice/f1`, whatever it is called there.
"""

from collections.abc import Mapping
from typing import Final

TOP: Final = frozenset({"lr", "train/loss", "test_80m/f1", "test_80m/f1_macro"})
"""Metrics on top, beside the curves of the val scenes."""
_CURVES: Final = "val/"
_ZOOM: Final = "zoom/"
"""Group of all others: a closer look; it comes behind `train` and `val`, since MLflow sorts groups by letter."""


def shown_name(name: str) -> str:
    """Name in MLflow: `test/class/old_ice/f1` -> `zoom/test.class.old_ice.f1`; each slash would open another group."""
    if name in TOP or name.startswith(_CURVES):
        return name
    return _ZOOM + name.replace("/", ".")


def metrics_today(found: Mapping[str, float]) -> dict[str, float]:
    """Metrics of a run of MLflow by their names in programs, also where an older program wrote it."""
    return {
        name.removeprefix(_ZOOM).replace(".", "/") if name.startswith(_ZOOM) else name: value
        for name, value in found.items()
    }
