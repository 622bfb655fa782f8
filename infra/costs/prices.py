"""Prices: yours, with their date. None is shipped as true, since they change and differ between contracts."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from datasets.errors import unknown_name
from infra.costs.constants import CostsError, read_toml

EXAMPLE: Final = Path(__file__).with_name("prices.example.toml")
_SAID: Final = ("currency", "date", "source")
NAMES: Final = ("core_hour", "gpu_hour", "write_1000", "read_1000", "gb_month")


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What things cost.

    Attributes:
        currency: Of all of them.
        dated: When they were looked up.
        source: Where.
        core_hour: A core, with the memory of a worker.
        gpu_hour: A GPU, with its share of the machine.
        write_1000: A thousand requests that write or list.
        read_1000: A thousand requests that read.
        gb_month: A gigabyte in the store for a month.
        lacking: Which of these the file does not have; they are taken for 0.
    """

    currency: str
    dated: date
    source: str
    core_hour: float = 0.0
    gpu_hour: float = 0.0
    write_1000: float = 0.0
    read_1000: float = 0.0
    gb_month: float = 0.0
    lacking: tuple[str, ...] = ()


def read_prices(path: Path) -> Prices:
    """Reads a file like prices.example.toml.

    Raises:
        CostsError: It is not there, is no TOML, lacks date, currency or source, or has a price below 0.
        UnknownNameError: It prices what the model does not know.
    """
    given = read_toml(path, like=EXAMPLE)
    for name in given:
        if name not in (*_SAID, *NAMES):
            raise unknown_name("price", name, (*NAMES, *_SAID))
    if missing := [name for name in _SAID if not given.get(name)]:
        raise CostsError(f"{str(path)!r} says no {missing[0]}: prices without it cannot be judged later, add it")
    if not isinstance(given["date"], date):
        raise CostsError(f"date = {given['date']!r} is no date: write it as 2026-11-30, without quotes")
    prices = {name: given[name] for name in NAMES if name in given}
    for name, value in prices.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise CostsError(f"{name} = {value!r} is not allowed: a price is a number of 0 or more")
    return Prices(
        currency=str(given["currency"]),
        dated=given["date"],
        source=str(given["source"]),
        lacking=tuple(name for name in NAMES if name not in prices),
        **prices,
    )
