"""`python -m ingest verify` and `prune` from the command line."""

from pathlib import Path

from tests.ingest.command_line import command


def test_what_is_no_lake_cannot_be_verified(tmp_path: Path) -> None:
    result = command("verify", tmp_path)
    assert result.exit_code == 2
    assert "is not a lake" in result.output
