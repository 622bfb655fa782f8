"""What commands print."""

import pandas as pd
import pytest

from sweeps.report.tables import ReportTable
from sweeps.report.terminal import note, say, terminal_table, warn

TABLE = ReportTable(
    name="t", title="T", header=("cell", "F1", "n"), rows=(("a b", "1.0", "2"),), words=1, numbers=pd.DataFrame()
)


def test_sentences_go_to_stdout_and_notes_to_stderr_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say("one [bold]" + "x" * 300, "two")
    note("three")
    warn(["four"])
    written = capsys.readouterr()
    assert written.out == f"one [bold]{'x' * 300}\ntwo\n"
    assert written.err == "three\nnote: four\n"


def test_a_table_keeps_its_columns_or_those_that_were_chosen() -> None:
    assert [column.header for column in terminal_table(TABLE).columns] == ["cell", "F1", "n"]
    some = terminal_table(TABLE, [0, 2], whole_words=True)
    assert [(column.header, column.justify, column.no_wrap) for column in some.columns] == [
        ("cell", "left", True),
        ("n", "right", False),
    ]
