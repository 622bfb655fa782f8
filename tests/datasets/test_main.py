"""`python -m datasets show`: a lake in numbers, one scene on a page, and what it refuses."""

import pytest

from datasets.labels import CHARTS
from datasets.lake import Lake
from datasets.overview import in_words
from tests.datasets.command_line import show


def test_a_lake_begins_with_its_numbers(tiny_lake: Lake) -> None:
    result = show(tiny_lake.url)
    assert result.exit_code == 0, result.output
    catalog = tiny_lake.catalog()
    assert result.output.startswith("11 scenes, ")
    assert tiny_lake.digest in result.output
    for words in ("ratios 1 (40 m) ", "2 (80 m) ", "10 (400 m) "):
        assert words in result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert ["train", "val", "test"] in lines
    splits = [catalog.split(name) for name in ("train", "val", "test")]
    assert ["scenes", *(str(len(part)) for part in splits)] in lines
    for season in {record.season for record in catalog}:
        assert ["season", season, *(str(len(part.where(season=season))) for part in splits)] in lines
    shares = []
    for part in splits:
        counts = [record.pixels["SOD"][5] for record in part]
        shares.append(f"{sum(counts) / sum(record.labelled('SOD') for record in part):.1%}")
    assert ["SOD", "old", "ice", *shares] in lines
    first_scene = result.output.index(catalog.scene_ids[0])
    assert first_scene > result.output.index("FLOE bergs"), "rows come after the summary"
    for scene_id in catalog.scene_ids:
        assert scene_id in result.output


def test_bytes_are_those_on_disk(tiny_lake: Lake) -> None:
    stores = [tiny_lake.store(scene_id) for scene_id in tiny_lake.catalog().scene_ids]
    held = sum(size for store in stores for key, size in store.found_objects().items() if key != "zarr.json")
    assert f"11 scenes, {in_words(held)} in {tiny_lake.url}" in show(tiny_lake.url).output


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (2_500 * 10**9, "2.5 TB")]
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert in_words(size) == words


@pytest.mark.parametrize("columns", ["80", "100"])
def test_one_scene_fits_a_screen(tiny_lake: Lake, columns: str) -> None:
    record = tiny_lake.catalog().records[0]
    result = show(tiny_lake.url, record.scene_id, columns=columns)
    assert result.exit_code == 0, result.output
    text = "".join(result.output.split())
    for word in (record.source, record.region, "thick_first_year_ice", "btemp_18_7h", "distance_to_border", "255"):
        assert word in text
    *page, call = result.output.rstrip().splitlines()
    assert 24 <= len(page) + 1 <= 40
    assert max(map(len, page)) <= int(columns)
    assert call.startswith("xarray.open_zarr(")
    share = record.pixels["SOD"][0] / (record.lines * record.samples)
    assert f"{share:6.1%} {CHARTS['SOD'].classes[0]}" in result.output


@pytest.mark.slow
def test_an_error_comes_instead_of_the_page(tiny_lake: Lake) -> None:
    scene_id = tiny_lake.catalog().scene_ids[0]
    result = show(tiny_lake.url, scene_id, "--png", "x.png", "--ratio", "3")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "has no group 'r3'" in " ".join(result.output.split())


def test_what_is_not_there(tiny_lake: Lake) -> None:
    for words, sentence in (
        (("/nowhere",), "'/nowhere' is not a lake"),
        ((tiny_lake.url, "20990101T000000_dmi"), "there is no scene '20990101T000000_dmi' among the 11"),
    ):
        result = show(*words)
        assert result.exit_code == 2
        assert sentence in " ".join(result.output.split())
