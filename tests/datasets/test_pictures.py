"""`python -m datasets show --png`: the picture of a scene."""

from pathlib import Path

import pytest
from matplotlib.image import imread

from datasets.lake import Lake
from tests.datasets.command_line import show


@pytest.mark.slow
def test_the_picture_of_a_scene(tiny_lake: Lake, tmp_path: Path) -> None:
    record = tiny_lake.catalog().records[0]
    result = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "sheet.png"), "--ratio", "2")
    assert result.exit_code == 0, result.output
    pixels = imread(tmp_path / "sheet.png")
    assert pixels.shape[0] > 500
    assert pixels.shape[1] > 1000
    colours = {tuple((pixel * 255).round().astype(int)) for pixel in pixels[::3, ::3, :3].reshape(-1, 3)}
    assert (0, 100, 255) in colours, "open water of the charts"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet.png"]
    unknown = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "new" / "x.foo"))
    assert unknown.exit_code == 2
    assert "unknown kind of picture 'foo': known are" in " ".join(unknown.output.split())
    assert not (tmp_path / "new").exists()
    missing = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "x.png"), "--ratio", "3")
    assert missing.exit_code == 2
    assert "has no group 'r3'" in " ".join(missing.output.split())
