"""`python -m datasets show --png`: the picture of a scene."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from datasets import block_reduction, pictures
from datasets.class_colours import LAND, NO_LABEL, NO_SAR, class_colours
from datasets.labels import CHARTS, SOD
from datasets.lake import Lake
from datasets.map_frame import MapFrame
from datasets.pictures import scene_sheet, with_reasons
from tests.datasets.command_line import show


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


@pytest.mark.slow
def test_the_picture_of_a_scene(tiny_lake: Lake, tmp_path: Path) -> None:
    record = tiny_lake.catalog().records[0]
    result = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "sheet.png"), "--ratio", "2")
    assert result.exit_code == 0, result.output
    pixels = imread(tmp_path / "sheet.png")
    assert pixels.shape[0] > 500
    assert pixels.shape[1] > 1000
    colours = {tuple((pixel * 255).round().astype(int)) for pixel in pixels[::3, ::3, :3].reshape(-1, 3)}
    assert rgb(class_colours(SOD, "safe")[0]) in colours, "open water of the charts"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet.png"]
    wrong = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "x.png"), "--colours", "jet")
    assert wrong.exit_code == 2
    assert "unknown set of colours 'jet': known are safe, wmo" in " ".join(wrong.output.split())
    assert show(tiny_lake.url, record.scene_id, "--colours", "wmo").exit_code == 2, "of a picture"
    unknown = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "new" / "x.foo"))
    assert unknown.exit_code == 2
    assert "unknown kind of picture 'foo': known are" in " ".join(unknown.output.split())
    assert not (tmp_path / "new").exists()
    missing = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "x.png"), "--ratio", "3")
    assert missing.exit_code == 2
    assert "has no group 'r3'" in " ".join(missing.output.split())
    assert show(tiny_lake.url, "--png", "x.png").exit_code == 2


def test_a_large_scene_is_drawn_from_blocks_in_strips(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    record = max(tiny_lake.catalog().records, key=lambda each: len(set(each.pixels["SOD"])))
    scene = tiny_lake.scene(record.scene_id)
    whole = scene_sheet(scene, 1)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 60)
    monkeypatch.setattr(block_reduction, "_STRIP_PIXELS", 20_000)
    small = scene_sheet(scene, 1)
    assert "drawn from blocks of 9 x 9" in small.texts[0].get_text()
    for one, other in zip(whole.axes, small.axes, strict=True):
        assert one.get_title() == other.get_title()
        if one.images:
            assert max(other.images[-1].get_array().shape[:2]) <= 60
    # The shares are of all pixels, so strips and blocks change nothing but for the last lines.
    legends = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in whole.axes if axes.get_legend()]
    assert len(legends) == len(CHARTS)
    assert not any("%" not in text for legend in legends for text in legend)
    reference = np.asarray(scene.open(1).nersc_sar_primary)
    turned = MapFrame.of_scene(scene, 1).orientation.apply(reference[: 420 // 9 * 9, : 520 // 9 * 9])
    rows, columns = (size // 9 for size in turned.shape)
    block = turned.reshape(rows, 9, columns, 9)[rows // 2, :, columns // 2]
    drawn = small.axes[0].images[-1].get_array()
    assert drawn[rows // 2, columns // 2] == pytest.approx(np.nanmean(block), abs=1e-3), "a mean, not one of its pixels"


def test_reasons_are_of_pixels_without_a_class_only() -> None:
    classes = np.array([[0, 255, 255, 255]], np.uint8)
    land, radar = np.array([[True, True, False, False]]), np.array([[False, False, False, True]])
    assert with_reasons(classes, land, radar).tolist() == [[0, LAND.code, NO_SAR.code, NO_LABEL.code]]
    assert with_reasons(classes, None, None).tolist() == classes.tolist()
    assert classes.tolist() == [[0, 255, 255, 255]], "a copy"
