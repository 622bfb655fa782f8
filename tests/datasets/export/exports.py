"""Exports of the tiny lake within the process of a test."""

import hashlib
from pathlib import Path

from typer.testing import CliRunner, Result

from datasets.__main__ import app

SAR = "nersc_sar_primary,nersc_sar_secondary"


def run(url: str, folder: Path, *words: str) -> Result:
    """Ratio 2 and patches of 64 pixels, but for what the words say."""
    given = ["export", url, str(folder), "--ratio", "2", "--patch", "64", *words]
    return CliRunner().invoke(app, given, env={"COLUMNS": "200"})


def content(folder: Path) -> dict[str, str]:
    """Hash of every file of an export."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
