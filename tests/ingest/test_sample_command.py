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


def test_scenes_of_two_calls_are_not_mixed(tmp_path: Path) -> None:
    few = ("--scenes", 1, "--lines", 100, "--samples", 100)
    assert command("sample", tmp_path, *few).exit_code == 0
    (first,) = find_sources([str(tmp_path)])
    written = Path(first).stat().st_mtime_ns
    assert command("sample", tmp_path, *few).exit_code == 0
    assert Path(first).stat().st_mtime_ns == written
    assert command("sample", tmp_path, "--scenes", 1, "--lines", 110, "--samples", 100).exit_code == 2
    again = command("sample", tmp_path, *few, "--seed", 1)
    assert again.exit_code == 2
    said = " ".join(again.output.split())
    assert f"holds 1 other *.nc file (first: {Path(first).name!r}): give a new folder, or --overwrite" in said
    assert find_sources([str(tmp_path)]) == [first]
    assert command("sample", tmp_path, *few, "--seed", 1, "--overwrite").exit_code == 0
    (second,) = find_sources([str(tmp_path)])
    assert second != first


def test_real_scenes_are_never_replaced(tmp_path: Path) -> None:
    real = tmp_path / "20180325T194759_dmi_prep.nc"
    real.write_text("days of download")
    result = command("sample", tmp_path, "--scenes", 1, "--lines", 100, "--samples", 100, "--overwrite")
    assert result.exit_code == 2
    assert "not all are synthetic scenes: give a new folder" in " ".join(result.output.split())
    assert [path.name for path in tmp_path.iterdir()] == [real.name]
    (tmp_path / "new" / "melt").mkdir(parents=True)
    (tmp_path / "new" / "melt" / "2018730smeltfreeze.nc").touch()
    melt = command("sample", tmp_path / "new", "--scenes", 1, "--lines", 100, "--samples", 100, "--melt")
    assert melt.exit_code == 2
    assert "holds melt maps that are not synthetic" in " ".join(melt.output.split())
