"""What the command lines print is what was meant: rich reads brackets as markup and breaks long lines."""

import pytest

from datasets.process.terminal import tell, tell_failure


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    long = "/data/" + "x" * 200 + "/[red]scene[/red] 2018.nc"
    tell(long)
    tell_failure("[bold]a.nc", "is torn")
    printed = capsys.readouterr()
    assert printed.out == long + "\n"
    assert printed.err == "failed [bold]a.nc\n  is torn\n"
