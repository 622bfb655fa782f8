"""What a rebuild leaves beside."""

from pathlib import Path

from datasets.lake import Lake
from ingest.other_recipes import others, prune, size
from ingest.recipe import Recipe


def test_an_unfinished_rebuild_is_seen_measured_and_removed(tmp_path: Path) -> None:
    url, recipe = str(tmp_path / "lake"), Recipe(ratios=(2,)).to_lake()
    lake = Lake.create(url, Recipe().to_lake())
    rebuilt = Lake.create(url, recipe, rebuild=True)
    assert Lake.create(url, recipe, rebuild=True) == rebuilt, "the same command goes on with it"
    assert [other.recipe_digest for other in others(lake)] == [recipe["digest"]]
    assert others(rebuilt) == (), "its own is not another one"
    for key in ("scenes/a.zarr/zarr.json", "index/b/rule.json", "catalog.parquet"):
        place = Path(rebuilt.place) / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("1234")
    assert (size(rebuilt), size(lake)) == (8, 0)
    assert prune(lake) == (recipe["digest"],)
    assert others(lake) == ()
    assert not [path for path in Path(rebuilt.place).rglob("*") if path.is_file()]
    assert Lake.open(url).recipe_digest == lake.recipe_digest
