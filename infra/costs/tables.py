"""The tables that people read."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from datasets.overview import in_words
from datasets.plural import noun, plural
from sweeps.record.forecast import duration

Rows = Sequence[dict[str, Any]]


def words_of(seconds: float) -> str:
    """`39 min`, `15.3 years`."""
    years = seconds / 86400 / 365
    return duration(seconds) if years < 2 else f"{years:.1f} years"


def tables(part: str, rows: Rows) -> Iterator[Table]:
    """The tables of a part of the report: one for each size of the lake, one of the constants."""
    table_of = {"build": _build, "campaign": _campaign, "limits": _limits, "constants": _constants}[part]
    for scenes in dict.fromkeys(row.get("scenes") for row in rows):
        yield table_of([row for row in rows if row.get("scenes") == scenes])


def _build(rows: Rows) -> Table:
    one = rows[0]
    table = _table(
        f"build a lake of {_counted(one['scenes'], 'scene')}",
        f"{in_words(one['lake_bytes'])} in the lake, {one['writes']:,.0f} requests that write, a catalog of "
        f"{in_words(one['catalog_bytes'])}"
        + (f"; {_money(one['money_month'])} a month to keep" if one["money_month"] is not None else ""),
        ("workers", "time", "decided by", "scratch", "money"),
    )
    for row in rows:
        took, scratch = words_of(row["seconds"]), in_words(row["scratch_bytes"])
        table.add_row(f"{row['workers']:,}", took, row["first"], scratch, _money(row["money"]))
    return table


def _campaign(rows: Rows) -> Table:
    one = rows[0]
    table = _table(
        f"{_counted(one['trials'], 'trial')} on {_counted(one['scenes'], 'scene')}, {one['card']} (by the model)",
        f"{one['gpu_hours']:,.0f} GPU-hours, val and test scenes as in the archive; {one['calls']:,.0f} calls to "
        f"MLflow and {in_words(one['record_bytes'])} of records; a node that keeps every ratio decoded needs "
        f"{in_words(one['node_bytes'])}",
        ("GPUs", "time", "decided by", "requests to the lake", "money"),
    )
    for row in rows:
        took, money = words_of(row["seconds"]), _money(row["money"])
        table.add_row(f"{row['gpus']:,}", took, row["first"], f"{row['reads']:,.0f}", money)
    return table


def _limits(rows: Rows) -> Table:
    """What is nearest to its limit, and whatever is beyond it."""
    beyond = [row for row in rows if row["share"] > 1]
    found = "what breaks, the worst first" if beyond else "nothing breaks; nearest is"
    title = f"{_counted(rows[0]['scenes'], 'scene')}, {plural(rows[0]['gpus'], 'GPU')}: {found}"
    table = _table(title, "", ("what", "here", "bearable", "change"))
    for row in beyond or rows[:1]:
        here, bearable = f"{row['value']:.3g} {row['unit']}", f"{row['at_most']:g} {row['unit']}"
        table.add_row(row["name"], here, bearable, row["change"])
    return table


def _constants(rows: Rows) -> Table:
    """All of them, with what measures each."""
    table = _table("constants", "", ("constant", "value", "kind", "of what; from where; measured by"))
    for row in rows:
        said = f"{row['what']}; {row['source']}; {row['command']}"
        table.add_row(row["name"], f"{row['value']:g} {row['unit']}", row["kind"], said)
    return table


def _table(title: str, caption: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, caption=caption or None, box=SIMPLE_HEAD, title_justify="left", caption_justify="left")
    words = ("decided by", "what", "change", "constant", "kind", "of what; from where; measured by")
    for name in columns:
        table.add_column(name, justify="left" if name in words else "right", overflow="fold")
    return table


def _counted(count: int, word: str) -> str:
    return f"{count:,} {noun(count, word)}"


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
