"""`python -m datasets` within the process of a test."""

from typer.testing import CliRunner, Result

from datasets.__main__ import app


def show(*words: str, columns: str = "200") -> Result:
    return CliRunner().invoke(app, ["show", *words], env={"COLUMNS": columns})
