"""`python -m datasets show`: the catalog, one scene, and what it refuses."""

from datasets.lake import Lake
from tests.datasets.command_line import show


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
