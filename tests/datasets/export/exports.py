"""Exports of the tiny lake within the process of a test."""

import hashlib
from pathlib import Path

from typer.testing import CliRunner, Result

from datasets.__main__ import app
from datasets.prefixes import sizes
from datasets.storage import read

SAR = "nersc_sar_primary,nersc_sar_secondary"


def run(url: str, folder: Path | str, *words: str) -> Result:
    """Ratio 2 and patches of 64 pixels, but for what the words say."""
    given = ["export", url, str(folder), "--ratio", "2", "--patch", "64", *words]
    return CliRunner().invoke(app, given, env={"COLUMNS": "200"})


def content(place: Path | str) -> dict[str, str]:
    """Hash of every file of an export, in a folder or below a URL."""
    return {name: hashlib.sha256(read(f"{place}/{name}") or b"").hexdigest() for name in sizes(str(place))}
