"""`python -m ingest sample` writes a small archive."""

from pathlib import Path

from ingest.source import find_sources
from tests.ingest.command_line import command


def test_sample_writes_what_build_reads(tmp_path: Path) -> None:
    result = command("sample", tmp_path, "--scenes", 2, "--lines", 200, "--samples", 220, "--seed", 4)
    assert result.exit_code == 0, result.output
    assert len(find_sources([str(tmp_path)])) == 2
    bad = command("sample", tmp_path, "--lines", 10)
    assert bad.exit_code == 2
