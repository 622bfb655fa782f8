"""`ReportTable`: rows of text with the numbers behind them, as Markdown, CSV, LaTeX."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

_LATEX: Final = {"±": r"$\pm$", "–": "--", "−": "$-$", "²": "$^2$", "×": r"$\times$"}
"""Signs that older LaTeX set-ups do not know as letters."""


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table for readers.

    Attributes:
        name: For files and anchors.
        title: What it shows.
        header: One text for each column.
        rows: Text, as wide as the header.
        words: How many of the first columns are words, set to the left; the others are numbers, set to the right.
        numbers: The same with full precision, for CSV.
        note: What a reader should know; may be empty.
        runs: Whether the last column holds ids of runs, which a page turns into links.
    """

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int
    numbers: pd.DataFrame
    note: str = ""
    runs: bool = False

    def to_csv(self) -> str:
        """Full precision, names as in MLflow."""
        return self.numbers.to_csv(index=False)

    def to_markdown(self) -> str:
        """For people."""
        rules = ["---" if place < self.words else "---:" for place in range(len(self.header))]
        lines = [" | ".join(cell.replace("|", r"\|") for cell in row) for row in (self.header, rules, *self.rows)]
        note = f"\n{self.note}\n" if self.note else ""
        return f"**{self.title}**\n\n" + "\n".join(f"| {line} |" for line in lines) + f"\n{note}"

    def to_latex(self) -> str:
        r"""A tabular with rules of booktabs: `\usepackage{booktabs}`; the title is a comment above it."""
        frame = pd.DataFrame(list(self.rows), columns=pd.RangeIndex(len(self.header)))
        frame.columns = pd.Index(self.header)
        style = frame.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
        columns = "l" * self.words + "r" * (len(self.header) - self.words)
        text = style.to_latex(hrules=True, column_format=columns)
        for sign, spelt in _LATEX.items():
            text = text.replace(sign, spelt)
        return f"% {self.title}\n{text}"
