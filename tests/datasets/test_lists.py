"""The 15 lists of IceBench: their content, that they read back, and how they are compared."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.lists import ListError, compare, list_name, read_lists, scene_key, season_lists, write_lists
from datasets.seasons import LOCATIONS, Cryoseason

ROTATION: tuple[Cryoseason | None, ...] = ("melt", "freeze", None)


@pytest.fixture
def catalog(tiny_lake: Lake) -> Catalog:
    """Rows of both archives; every third scene melts, every third freezes, every third has no season."""
    rows = tiny_lake.catalog()
    return Catalog.of(row.model_copy(update={"cryoseason": ROTATION[i % 3]}) for i, row in enumerate(rows))


def keys(lists: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(map(scene_key, names)) for name, names in lists.items()}


def test_lists_are_of_training_scenes_by_season_and_location(catalog: Catalog) -> None:
    lists = season_lists(catalog)
    train = {row.source: row for row in catalog if row.archive == "train"}
    assert len(lists) == 15
    for season, words in (("Melt", {"melt"}), ("Freeze", {"freeze"}), ("TwoSeasons", {"melt", "freeze"})):
        for location in LOCATIONS:
            expected = {s for s, row in train.items() if row.cryoseason in words and row.location == location}
            assert set(lists[list_name(season, location)]) == expected
        parts = [name for location in LOCATIONS for name in lists[list_name(season, location)]]
        assert sorted(parts) == list(lists[list_name(season, "all")])
    union = {*lists[list_name("Melt", "all")], *lists[list_name("Freeze", "all")]}
    assert union == set(lists[list_name("TwoSeasons", "all")])
    assert 0 < len(union) < len(train)


def test_as_published_the_categories_hold_scenes_without_a_season(catalog: Catalog) -> None:
    consistent, published = season_lists(catalog), season_lists(catalog, as_published=True)
    train = [row for row in catalog if row.archive == "train"]
    changed = {name for name in consistent if consistent[name] != published[name]}
    assert changed
    assert changed <= {list_name("TwoSeasons", location) for location in LOCATIONS}
    assert sum(len(published[list_name("TwoSeasons", location)]) for location in LOCATIONS) == len(train)


def test_written_lists_are_plain_json_and_read_back(catalog: Catalog, tmp_path: Path) -> None:
    lists = season_lists(catalog)
    paths = write_lists(lists, tmp_path / "lists")
    assert len(paths) == 15
    content = json.loads((tmp_path / "lists" / "Melt_all_train_files.json").read_text())
    assert content == sorted(content)
    assert all(name.startswith("S1") and name.endswith(".nc") for name in content)
    assert read_lists(tmp_path / "lists") == keys(lists)


def test_equal_lists_agree(catalog: Catalog) -> None:
    ours = season_lists(catalog)
    found = compare(catalog, ours, keys(ours))
    assert len(found.agreements) == 15
    assert {row.jaccard for row in found.agreements} == {1.0}
    assert found.disagreements == ()
    assert sum(found.confusion.values()) == sum(row.archive == "train" for row in catalog)


def test_differences_are_counted_and_named(catalog: Catalog) -> None:
    ours = season_lists(catalog)
    theirs = keys(season_lists(catalog, as_published=True))
    melt, freeze = list_name("Melt", "all"), list_name("Freeze", "all")
    moved = ours[melt][0]
    row = next(row for row in catalog if row.source == moved)
    theirs[melt] = theirs[melt] - {scene_key(moved)}
    theirs[freeze] = theirs[freeze] | {scene_key(moved), "S1A_of_another_archive.nc"}
    theirs[list_name("Melt", row.location)] = theirs[list_name("Melt", row.location)] - {scene_key(moved)}
    found = compare(catalog, ours, theirs)
    by_name = {agreement.name: agreement for agreement in found.agreements}
    assert (by_name[melt].both, by_name[melt].only_ours, by_name[melt].only_theirs) == (len(ours[melt]) - 1, 1, 0)
    assert (by_name[freeze].only_theirs, by_name[freeze].not_in_lake) == (2, 1)
    assert by_name[freeze].jaccard == pytest.approx(len(ours[freeze]) / (len(ours[freeze]) + 2))
    (scene,) = found.disagreements
    assert (scene.scene_id, scene.ours, scene.theirs) == (row.scene_id, "melt", "freeze")
    assert found.confusion["melt", "freeze"] == 1
    assert found.confusion["none", "none"] == sum(row.archive == "train" and row.cryoseason is None for row in catalog)


def test_a_scene_that_nobody_listed_is_named(catalog: Catalog) -> None:
    ours = season_lists(catalog)
    gone = ours[list_name("Freeze", "all")][0]
    theirs = {name: names - {scene_key(gone)} for name, names in keys(ours).items()}
    (scene,) = compare(catalog, ours, theirs).disagreements
    assert (scene.ours, scene.theirs) == ("freeze", "not listed")


def test_names_with_folders_before_them_are_the_same_scenes(catalog: Catalog, tmp_path: Path) -> None:
    ours = season_lists(catalog)
    name = list_name("Melt", "all")
    (tmp_path / name).write_text(json.dumps([f"/archive/raw/{source}" for source in ours[name]]))
    (row,) = compare(catalog, ours, read_lists(tmp_path)).agreements
    assert row.jaccard == 1


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (
            "S1A_EW_GRDM_1SDH_20180325T194759_20180325T194859_021176_024676_449C"
            "_icechart_dmi_201803251945_SouthEast_RIC.nc",
            "20180325T194759_dmi",
        ),
        (
            "/raw/S1A_EW_GRDM_1SDH_20180707T122209_20180707T122309_022692_02757A_4F1C"
            "_icechart_cis_SGRDIFOXE_20180707T1214Z_pl_a.nc",
            "20180707T122209_cis",
        ),
        ("20180325T194759_dmi_prep.nc", "20180325T194759_dmi"),
        ("20180325T194759_dmi.nc", "20180325T194759_dmi"),
        ("lists/notes.nc", "notes.nc"),
    ],
)
def test_raw_and_ready_to_train_names_are_the_same_scene(name: str, key: str) -> None:
    assert scene_key(name) == key


def test_what_cannot_be_listed_is_one_sentence(tiny_lake: Lake, tmp_path: Path) -> None:
    none = Catalog.of(row.model_copy(update={"cryoseason": None}) for row in tiny_lake.catalog())
    with pytest.raises(ListError, match="none of 8 training scenes of the lake has a cryoseason: add it with"):
        season_lists(none)
    with pytest.raises(ListError, match="holds none of the 15 lists"):
        read_lists(tmp_path)
    (tmp_path / list_name("Melt", "all")).write_text('{"a": 1}')
    with pytest.raises(ListError, match="is not a JSON list of file names"):
        read_lists(tmp_path)
    (tmp_path / list_name("Melt", "all")).write_text("[")
    with pytest.raises(ListError, match="cannot be read as JSON"):
        read_lists(tmp_path)
    with pytest.raises(ListError, match="is a file: give a folder for the lists"):
        write_lists({}, tmp_path / list_name("Melt", "all"))
