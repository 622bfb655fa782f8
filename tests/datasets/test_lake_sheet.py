"""`python -m datasets show LAKE --png` and `show LAKE SCENE --map`: what the pictures hold, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.contour import QuadContourSet
from matplotlib.image import imread

from datasets.labels import SOD
from datasets.lake import Lake
from datasets.lake_sheet import lake_sheet
from datasets.polar_map import SEA
from datasets.scene_on_map import scene_on_map
from tests.datasets.command_line import show


def colours_of(picture: Path) -> set[str]:
    pixels = (imread(picture)[::2, ::2, :3] * 255).round().astype(int).reshape(-1, 3)
    return {"#{:02x}{:02x}{:02x}".format(*tuple(pixel)) for pixel in np.unique(pixels, axis=0)}


def test_the_sheet_of_a_lake_counts_its_scenes(tiny_lake: Lake) -> None:
    catalog = tiny_lake.catalog()
    figure = lake_sheet(tiny_lake, catalog)
    place, by_season, by_location = figure.axes
    legend = {text.get_text() for text in place.get_legend().get_texts()}
    assert legend == {
        f"{name} · {len(part)} scene{'s' * (len(part) > 1)}"
        for name in ("train", "val", "test", "unused")
        if len(part := catalog.split(name))
    }
    assert figure.get_suptitle().startswith(f"{len(catalog)} scenes (synthetic)")
    assert tiny_lake.digest in figure.get_suptitle()
    seasons = [label.get_text() for label in by_season.get_yticklabels()]
    assert seasons[-1] == f"all scenes\n{len(catalog)} scenes"
    total = sum(row.labelled("SOD") for row in catalog)
    water = sum(row.pixels["SOD"][0] for row in catalog) / total
    bars = [patch for patch in by_location.patches if patch.get_y() > len(by_location.get_yticks()) - 1.5]
    assert bars[0].get_width() == pytest.approx(water)
    assert len(bars) == SOD.n_classes


@pytest.mark.slow
def test_the_picture_of_a_lake(tiny_lake: Lake, tmp_path: Path) -> None:
    result = show(tiny_lake.url, "--png", str(tmp_path / "new" / "lake.png"))
    assert result.exit_code == 0, result.output
    assert f"drawn: {tmp_path}" in result.output.replace("\n", "")
    assert SEA in colours_of(tmp_path / "new" / "lake.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lake.png"]


@pytest.mark.slow
def test_the_picture_of_a_scene_on_a_map(tiny_lake: Lake, tmp_path: Path) -> None:
    record = tiny_lake.catalog().records[0]
    result = show(tiny_lake.url, record.scene_id, "--map", "--png", str(tmp_path / "scene.png"))
    assert result.exit_code == 0, result.output
    assert {SOD.colours[0], SEA} <= colours_of(tmp_path / "scene.png")


@pytest.mark.slow
def test_a_lake_has_the_colours_that_are_asked_for(tiny_lake: Lake) -> None:
    figure = lake_sheet(tiny_lake, tiny_lake.catalog(), "wmo")
    (first, *_) = figure.axes[1].patches
    assert to_hex(first.get_facecolor()) == SOD.wmo_colours[0]


def test_classes_that_a_scene_has_are_in_its_legend(tiny_lake: Lake) -> None:
    record = tiny_lake.catalog().records[0]
    figure = scene_on_map(tiny_lake.scene(record.scene_id), tiny_lake.ratios)
    names = {text.get_text() for text in figure.axes[1].get_legend().get_texts()}
    many = {SOD.classes[value].replace("_", " ") for value, n in record.pixels["SOD"].items() if value < 6 and n > 5000}
    assert many <= names
    assert "synthetic" in figure.get_suptitle()
    patterns = {patch.get_label(): patch.get_hatch() for patch in figure.axes[1].get_legend().get_patches()}
    assert patterns["no label"], "so in grey print too"
    assert [each.hatches for each in figure.axes[1].collections if isinstance(each, QuadContourSet)] == [["//"]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--map", "--png", "x.png"], "--map is of the picture of one scene"),
        (["--ratio", "2", "--png", "x.png"], "--ratio is of the picture of one scene"),
        (["--colours", "wmo"], "--colours is of a picture: say --png FILE too"),
        (["SCENE", "--map"], "--map is of a picture: say --png FILE too"),
        (["SCENE", "--map", "--ratio", "2", "--png", "x.png"], "--map chooses its ratio itself"),
        (["--png", "x.foo"], "unknown kind of picture 'foo'"),
    ],
)
def test_what_cannot_be_drawn(tiny_lake: Lake, tmp_path: Path, words: list[str], sentence: str) -> None:
    given = [tiny_lake.catalog().scene_ids[0] if word == "SCENE" else word for word in words]
    given = [str(tmp_path / word) if word.startswith("x.") else word for word in given]
    result = show(tiny_lake.url, *given)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())
