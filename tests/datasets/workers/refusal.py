"""A build whose workers cannot be had: a sentence, exit code 2, and nothing begun."""

from collections.abc import Sequence
from pathlib import Path

from tests.ingest.command_line import command


def check_refusal(raw: Path, folder: Path, words: Sequence[str], sentence: str) -> None:
    result = command("build", raw, "--lake", folder / "lake", *words)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.output.split())
    assert not (folder / "lake" / "lock.json").exists()
