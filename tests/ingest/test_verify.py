"""`python -m ingest verify`: each kind of damage is one line and exit code 1, a whole lake is none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.catalog import Catalog
from datasets.errors import SceneNotFoundError
from datasets.lake import Lake
from datasets.scene import Scene
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from tests.ingest.kept_workers import command
from tests.object_store import ObjectStore


@pytest.fixture(scope="module")
def whole(raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("whole") / "lake"
    recipe = Recipe(ratios=(1, 10))
    lake = Lake.create(str(place), recipe.to_lake())
    publish(lake, [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:2]], SplitOptions())
    return place


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "lake"))


def store(place: Path) -> Path:
    return sorted((place / "scenes").iterdir())[0]


def _missing(place: Path) -> None:
    (store(place) / "r1/nersc_sar_primary/c/0/0").unlink()


def _missing_document(place: Path) -> None:
    (store(place) / "r10/SIC/zarr.json").unlink()


def _truncated(place: Path) -> None:
    shard = store(place) / "r10/sar_latitude/c/0/0"
    shard.write_bytes(shard.read_bytes()[:-100])


def _no_store(place: Path) -> None:
    shutil.rmtree(store(place))


def _torn_root(place: Path) -> None:
    root = store(place) / "zarr.json"
    root.write_text(root.read_text()[:500])


def _no_row(place: Path) -> None:
    lake = Lake.open(str(place))
    catalog = lake.catalog()
    lake.publish(Catalog(catalog.records[1:]), {})


def _unfinished(place: Path) -> None:
    (place / "scenes" / "20180101T000000_dmi.zarr" / "r1").mkdir(parents=True)
    (place / "scenes" / "20180101T000000_dmi.zarr" / "r1" / "zarr.json").write_text("{}")


def _edit_root(place: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    root = store(place) / "zarr.json"
    document = json.loads(root.read_text())
    attributes = document["attributes"]
    attributes["record"] = json.loads(attributes["record"])  # a store may also hold the table itself
    change(attributes)
    root.write_text(json.dumps(document))


def _replacement(place: Path) -> None:
    shutil.copytree(store(place), store(place).with_name(f"{store(place).name}.part"))


def _other_digest(place: Path) -> None:
    _edit_root(place, lambda attributes: attributes["record"].update(recipe="0123456789ab"))


def _other_source(place: Path) -> None:
    _edit_root(place, lambda attributes: attributes["record"].update(source="other.nc", fingerprint="0"))


def _wrong_counts(place: Path) -> None:
    lake = Lake.open(str(place))
    rows = list(lake.catalog())
    counts = dict(rows[0].pixels["SOD"])
    value = next(value for value, count in counts.items() if count > 7)
    counts[value] -= 7
    counts[255] += 7
    pixels = {**rows[0].pixels, "SOD": counts}
    _edit_root(place, lambda attributes: attributes["record"].update(pixels=pixels))
    rows[0] = rows[0].model_copy(update={"pixels": pixels})
    lake.publish(Catalog(tuple(rows)), {})


def _recipe_edited(place: Path) -> None:
    content = json.loads((place / "recipe.json").read_text())
    content["recipe"]["ratios"] = [1, 10, 20]
    (place / "recipe.json").write_text(json.dumps(content))


def _split_edited(place: Path) -> None:
    """As another program changes a row: the metadata of the file stays."""
    table = pq.read_table(place / "catalog.parquet")
    column = table.column_names.index("split")
    edited = pa.array(["unused", *table["split"].to_pylist()[1:]])
    pq.write_table(table.set_column(column, "split", edited), place / "catalog.parquet")


def _settled_in_vain(place: Path) -> None:
    """`charted` is what a build asks the row for, and what an unsettled catalog may have otherwise."""
    lake = Lake.open(str(place))
    _edit_root(place, lambda attributes: attributes["record"].update(charted=False))
    assert command("verify", place).exit_code == 0
    lake.publish(lake.catalog(), {}, settled=True)


@pytest.mark.parametrize(
    ("damage", "kind", "sentence"),
    [
        (_missing, "object", "r1/nersc_sar_primary/c/0/0 is missing ("),
        (_missing_document, "object", "r10/SIC/zarr.json is missing ("),
        (_truncated, "object", "r10/sar_latitude/c/0/0 has "),
        (_no_store, "store", "there is a row in the catalog, but no finished store"),
        (_torn_root, "store", "there is a row in the catalog, but no finished store"),
        (_no_row, "row", "a finished store without a row in the catalog"),
        (_unfinished, "store", "unfinished, of a build that was stopped"),
        (_replacement, "beside", "there is an unfinished store that was to replace it"),
        (_other_digest, "digest", "the store is of recipe 0123456789ab, its row of"),
        (_other_source, "row", "the row and the record of the store differ in fingerprint, source"),
        (_wrong_counts, "counts", "SOD has"),
        (_recipe_edited, "digest", "recipe.json says"),
        (_split_edited, "digest", "the catalog keeps"),
        (_settled_in_vain, "row", "the row and the record of the store differ in charted"),
    ],
)
def test_damage_is_one_line_and_exit_code_1(
    place: Path, damage: Callable[[Path], None], kind: str, sentence: str
) -> None:
    damage(place)
    result = command("verify", place)
    assert result.exit_code == 1, result.output
    assert "1 finding " in result.output
    lines = [line for line in result.output.splitlines() if sentence in line]
    assert len(lines) == 1, result.output
    assert kind in lines[0]


def test_a_whole_lake_has_no_findings(place: Path) -> None:
    for words in ((), ("--deep",)):
        result = command("verify", place, *words)
        assert result.exit_code == 0, result.output
        assert "2 scenes looked at" in result.output
        assert "0 findings" in result.output


@pytest.mark.slow
def test_an_edited_catalog_is_written_again_after_discard(place: Path, raw_train: list[Path]) -> None:
    before = Lake.open(str(place)).catalog()
    _split_edited(place)
    assert command("verify", place, "--discard").exit_code == 1
    words = ("--ratios", "1", "10", "--workers", "1")
    assert command("build", *raw_train[:2], "--lake", place, *words).exit_code == 0
    assert Lake.open(str(place)).catalog() == before
    assert command("verify", place).exit_code == 0


def test_a_settled_catalog_has_no_store_without_its_polygons(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scene, "lacks_polygons", property(lambda scene: True))
    assert command("verify", place).exit_code == 0  # as after a migration
    lake = Lake.open(str(place))
    lake.publish(lake.catalog(), lake.statistics, settled=True)
    result = command("verify", place)
    assert result.exit_code == 1
    assert result.output.count("the store lacks its polygons") == 2


def test_bytes_that_changed_in_place_are_found_by_decoding(place: Path) -> None:
    shard = store(place) / "r1/nersc_sar_secondary/c/0/0"
    content = bytearray(shard.read_bytes())
    content[100:4000] = bytes(3900)
    shard.write_bytes(content)
    assert command("verify", place).exit_code == 0
    result = command("verify", place, "--deep")
    assert result.exit_code == 1, result.output
    assert "r1/nersc_sar_secondary" in result.output


def test_a_damaged_store_is_discarded_and_built_again(place: Path, raw_train: list[Path]) -> None:
    lake = Lake.open(str(place))
    damaged = lake.catalog().scene_ids[0]
    _truncated(place)
    assert command("verify", place, "--discard").exit_code == 1
    with pytest.raises(SceneNotFoundError):
        lake.scene(damaged)
    recipe = Recipe(ratios=(1, 10))
    publish(lake, [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:2]], SplitOptions())
    assert command("verify", place, "--deep").exit_code == 0


@pytest.mark.slow
def test_a_lake_in_object_storage(s3: ObjectStore, whole: Path) -> None:
    url = "s3://lake/verified"
    filesystem = fsspec.filesystem("s3", use_listings_cache=False)
    filesystem.put(str(whole), url, recursive=True)
    clean = command("verify", url, "--deep")
    assert clean.exit_code == 0, clean.output
    scene = Lake.open(url).scene_url(Lake.open(url).catalog().scene_ids[0])
    filesystem.rm_file(f"{scene}/r1/SOD/c/0/0")
    filesystem.pipe_file(f"{scene}/r10/SIC/c/0/0", b"short")
    result = command("verify", url)
    assert result.exit_code == 1
    for sentence in ("r1/SOD/c/0/0 is missing", "r10/SIC/c/0/0 has 5 bytes of", "2 findings"):
        assert sentence in result.output
