"""`python -m datasets show`: the catalog, one scene, and what it refuses."""

from pathlib import Path

from matplotlib.image import imread
from typer.testing import CliRunner, Result

from datasets.__main__ import app
from datasets.lake import Lake


def show(*words: str) -> Result:
    return CliRunner().invoke(app, ["show", *words], env={"COLUMNS": "200"})


def test_the_catalog(tiny_lake: Lake) -> None:
    result = show(tiny_lake.url)
    assert result.exit_code == 0, result.output
    assert "11 scenes · ratios 1 (40 m), 2 (80 m), 5 (200 m), 10 (400 m)" in result.output
    for record in tiny_lake.catalog():
        assert record.scene_id in result.output
    assert tiny_lake.digest in result.output


def test_one_scene(tiny_lake: Lake) -> None:
    record = tiny_lake.catalog().records[0]
    result = show(tiny_lake.url, record.scene_id)
    assert result.exit_code == 0, result.output
    for word in (record.source, record.region, "thick_first_year_ice", "btemp_18_7h", "distance_to_border"):
        assert word in result.output
    share = record.pixels["SOD"][0] / (record.lines * record.samples)
    assert f"{share:6.1%}  open_water" in result.output


def test_what_is_not_there(tiny_lake: Lake) -> None:
    for words, sentence in (
        (("/nowhere",), "'/nowhere' is not a lake"),
        ((tiny_lake.url, "20990101T000000_dmi"), "there is no scene '20990101T000000_dmi' among the 11"),
    ):
        result = show(*words)
        assert result.exit_code == 2
        assert sentence in " ".join(result.output.split())


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
    missing = show(tiny_lake.url, record.scene_id, "--png", str(tmp_path / "x.png"), "--ratio", "3")
    assert missing.exit_code == 2
    assert "has no group 'r3'" in " ".join(missing.output.split())
    assert show(tiny_lake.url, "--png", "x.png").exit_code == 2
