"""What the commands about results print: whole sentences, notes on stderr, and tables."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from datasets.process.terminal import err, tell

if TYPE_CHECKING:  # pandas is heavy
    from sweeps.report.tables import ReportTable


def say(*sentences: str) -> None:
    """Prints sentences as they are."""
    for sentence in sentences:
        tell(sentence)


def note(sentence: str) -> None:
    """Prints a sentence beside the results."""
    tell(sentence, err)


def note_other_lakes(what: str, lakes: Sequence[str]) -> None:
    """Says which lakes there are, the newest first, where nobody chose one of several."""
    if len(lakes) > 1:
        note(
            f"{what} ran on {len(lakes)} lakes: this is {lakes[0]}, the newest; --lake-digest chooses another "
            f"({', '.join(lakes[1:])})"
        )


def warn(sentences: Iterable[str]) -> None:
    """Prints what to be wary of."""
    for sentence in sentences:
        note(f"note: {sentence}")


def terminal_table(table: "ReportTable", columns: Sequence[int] | None = None, *, whole_words: bool = False) -> Table:
    """A table for a terminal: these columns of it, else all; `whole_words` keeps columns of words in one line."""
    places = range(len(table.header)) if columns is None else columns
    shown = Table(title=table.title)
    for place in places:
        word = place < table.words
        shown.add_column(table.header[place], justify="left" if word else "right", no_wrap=whole_words and word)
    for row in table.rows:
        shown.add_row(*(row[place] for place in places))
    return shown
