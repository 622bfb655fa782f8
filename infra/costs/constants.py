"""The figures that everything is reckoned from: constants.toml, each with unit, source and what measures it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from datasets.errors import IceBenchError, unknown_name

Kind = Literal["measured", "model", "assumed"]

SHIPPED: Final = Path(__file__).with_name("constants.toml")
_TABLES: Final = ("cards", "networks")


class CostsError(IceBenchError, ValueError):
    """A figure that cannot be reckoned with."""


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One figure.

    Attributes:
        name: By which the model knows it.
        value: In its unit, above 0.
        unit: Of the value.
        kind: Whether it was measured, follows from the memory-bound model, or is assumed.
        what: What it is of.
        source: Where the value is from.
        command: What measures it again.
    """

    name: str
    value: float
    unit: str
    kind: Kind
    what: str
    source: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Constants:
    """All figures.

    Attributes:
        rows: By name.
        cards: Nominal memory bandwidth in bytes/s, by card.
        networks: Bytes that a training step moves for one patch, by network.
    """

    rows: Mapping[str, Constant]
    cards: Mapping[str, float]
    networks: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        return self.rows[name].value

    def with_values(self, **values: float) -> "Constants":
        """The same with other values, as a machine has measured them; raises UnknownNameError."""
        rows = dict(self.rows)
        for name, value in values.items():
            if name not in rows:
                raise unknown_name("constant", name, rows)
            rows[name] = replace(rows[name], value=value, kind="measured")
        return replace(self, rows=rows)

    def bandwidth(self, card: str) -> float:
        """Bytes per second of a card, nominal; raises UnknownNameError with the nearest."""
        if card not in self.cards:
            raise unknown_name("card", card, self.cards)
        return self.cards[card]


def read_constants(path: Path = SHIPPED) -> Constants:
    """Reads the shipped figures, and over them those of another file of the same form.

    Raises:
        CostsError: The file is not there, is no TOML, or has a figure that is none.
        UnknownNameError: It names a constant, or says something of one, that the model does not know.
    """
    own = read_toml(SHIPPED, like=SHIPPED)
    given = read_toml(path, like=SHIPPED) if path != SHIPPED else {}
    for name, table in given.items():
        if name not in own:
            raise unknown_name("constant", name, own)
        if not isinstance(table, dict):
            raise CostsError(f"{name} = {table!r} is not allowed: write [{name}], and below it value = {table!r}")
        for key in table if name not in _TABLES else ():
            if key not in own[name]:
                raise unknown_name(f"word in [{name}]", key, own[name])
    rows = {
        name: _constant(name, {**table, **({"source": str(path)} if name in given else {}), **given.get(name, {})})
        for name, table in own.items()
        if name not in _TABLES
    }
    cards, networks = ({**own[name], **given.get(name, {})} for name in _TABLES)
    return Constants(
        rows=rows,
        cards={name: _positive(f"cards.{name}", value) * 1e12 for name, value in cards.items()},
        networks={name: _positive(f"networks.{name}", value) * 1e6 for name, value in networks.items()},
    )


def read_toml(path: Path, *, like: Path) -> dict[str, Any]:
    """A file of the form of another; raises CostsError."""
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CostsError(f"{str(path)!r} cannot be read ({reason}): give a TOML file like {str(like)!r}") from error


def _constant(name: str, table: Mapping[str, Any]) -> Constant:
    if table["kind"] not in get_args(Kind):
        raise unknown_name(f"kind of {name}", str(table["kind"]), get_args(Kind))
    words = {key: str(table[key]) for key in ("unit", "what", "source", "command")}
    return Constant(name=name, value=_positive(name, table["value"]), kind=table["kind"], **words)


def _positive(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise CostsError(f"{name} = {value!r} is not allowed: a constant is a number above 0")
    return float(value)
