"""Prices: yours, with their date. None is shipped as true, since they change and differ between contracts."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from datasets.errors import unknown_name
from infra.costs.constants import CostsError

EXAMPLE: Final = Path(__file__).with_name("prices.example.toml")
_NAMES: Final = ("core_hour", "gpu_hour", "write_1000", "read_1000", "gb_month")


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
    """

    currency: str
    dated: date
    source: str
    core_hour: float = 0.0
    gpu_hour: float = 0.0
    write_1000: float = 0.0
    read_1000: float = 0.0
    gb_month: float = 0.0


def read_prices(path: Path) -> Prices:
    """Reads a file like prices.example.toml.

    Raises:
        CostsError: It is not there, is no TOML, lacks date, currency or source, or has a price below 0.
        UnknownNameError: It prices what the model does not know.
    """
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CostsError(f"{str(path)!r} cannot be read ({error}): give a TOML file like {str(EXAMPLE)!r}") from error
    said = {name: given.pop(name, None) for name in ("currency", "date", "source")}
    if missing := [name for name, value in said.items() if not value]:
        raise CostsError(f"{str(path)!r} says no {missing[0]}: prices without it cannot be judged later, add it")
    if not isinstance(said["date"], date):
        raise CostsError(f"date = {said['date']!r} is no date: write it as 2026-11-30, without quotes")
    for name, value in given.items():
        if name not in _NAMES:
            raise unknown_name("price", name, _NAMES)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise CostsError(f"{name} = {value!r} is not allowed: a price is a number of 0 or more")
    return Prices(currency=str(said["currency"]), dated=said["date"], source=str(said["source"]), **given)
