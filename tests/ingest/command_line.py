"""`python -m ingest` within the process of a test, on a terminal wide enough for any line."""

from typer.testing import CliRunner, Result

from ingest.__main__ import app


def command(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300"})
