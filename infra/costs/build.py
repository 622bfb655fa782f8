"""What a lake of some scenes takes: time, money, disk and requests of its build. Pure arithmetic."""

import math
from dataclasses import dataclass
from typing import Final

from infra.costs.constants import Constants
from infra.costs.prices import Prices

USED_TO_TRAIN: Final = 0.92
"""Share of the scenes that are training scenes: their moments are read when the catalog is written."""


@dataclass(frozen=True, kw_only=True)
class BuildCost:
    """A build that starts with nothing.

    Attributes:
        scenes: How many.
        workers: Cores that convert, one scene each at a time.
        seconds: From the start to the catalog.
        parts: Seconds of what goes on beside each other, and of the catalog, which comes after.
        first: What decides how long it takes.
        lake_bytes: In the store, without the catalog.
        catalog_bytes: Of catalog.parquet.
        scratch_bytes: On the disks of all machines of eight workers, at most.
        writes: Requests that write.
        money: Of workers and requests; None without prices.
        money_month: Of keeping the lake for a month; None without prices.
    """

    scenes: int
    workers: int
    seconds: float
    parts: dict[str, float]
    first: str
    lake_bytes: float
    catalog_bytes: float
    scratch_bytes: float
    writes: float
    money: float | None
    money_month: float | None


def build_cost(
    constants: Constants, scenes: int, workers: int, *, ratios: str = "2_5_10", prices: Prices | None = None
) -> BuildCost:
    """Foretells a build on so many cores, with the ratios `2_5_10` or `1_2_5_10`.

    Converting, fetching and writing go on at the same time: the slowest decides. Then the catalog is written by one
    process.
    """
    raw = scenes * constants["raw_bytes"]
    writes = scenes * constants["write_requests"]
    a_scene = constants["scene_pixels"] * constants[f"pixel_seconds_{ratios}"]
    parts = {
        "converting": constants["worker_start"] + math.ceil(scenes / workers) * a_scene,
        "the archive": raw / constants["archive_rate"],
        "requests to the store": writes / constants["store_rate"],
        "the catalog": catalog_seconds(constants, scenes),
    }
    together = max(parts[name] for name in ("converting", "the archive", "requests to the store"))
    seconds = together + parts["the catalog"]
    lake_bytes = raw * constants[f"stored_share_{ratios}"]
    money = money_month = None
    if prices is not None:
        money = workers * seconds / 3600 * prices.core_hour + writes / 1000 * prices.write_1000
        money_month = lake_bytes / 1e9 * prices.gb_month
    return BuildCost(
        scenes=scenes,
        workers=workers,
        seconds=seconds,
        parts=parts,
        first=max(parts, key=lambda name: parts[name]),
        lake_bytes=lake_bytes,
        catalog_bytes=scenes * constants["catalog_row"],
        scratch_bytes=constants["scratch"] * math.ceil(workers / 8),
        writes=writes,
        money=money,
        money_month=money_month,
    )


def catalog_seconds(constants: Constants, scenes: int) -> float:
    """To write the catalog of some scenes: moments of the training scenes are read, rows made, hashed and written."""
    return constants["publish_start"] + scenes * (constants["publish_row"] + USED_TO_TRAIN * constants["moments_read"])
