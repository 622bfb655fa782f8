"""What a study notes of its lake: scenes of each split, and how its melt seasons stand to the published lists."""

from pathlib import Path

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.lists import PUBLISHED_SEASONS, most_in_agreement
from datasets.scene import SceneRecord
from sweeps.record.lake_note import LakeNote, lake_words
from sweeps.record.studies import study_row
from sweeps.record.study import LAKE_NOTE, StudyTracker
from tests.mlflow_server import fresh_database


def published(moved: int = 0) -> Catalog:
    """As many training scenes as the lists have by season and location; some of cat1 melt with us and freeze there."""
    places = [
        (season, location)
        for season, of_season in PUBLISHED_SEASONS.items()
        for location, count in of_season.items()
        for _ in range(count)
    ]
    freezing = [place for place, where in enumerate(places) if where == ("freeze", "cat1")][:moved]
    return Catalog(
        tuple(
            SceneRecord.model_construct(
                scene_id=f"s{number:03d}",
                archive="train",
                split="val" if number < 18 else "train",
                location=location,
                cryoseason="melt" if number in freezing else None if season == "none" else season,
                orbit=1,
            )
            for number, (season, location) in enumerate(places)
        )
    )


def test_it_counts_the_scenes_of_a_lake(tiny_lake: Lake) -> None:
    catalog = tiny_lake.catalog()
    note = LakeNote.of(catalog)
    assert note.splits == {name: len(catalog.split(name)) for name in ("train", "val", "test")}  # type: ignore[arg-type]
    assert note.synthetic
    counts = note.splits
    words = f"{counts['train']} training, {counts['val']} val and {counts['test']} test scenes, synthetic"
    assert lake_words("l1", note) == f"Lake l1: {words}."
    assert lake_words("l1", None, synthetic=True) == "Lake l1: scenes synthetic, their number not on record."


def test_the_agreement_is_bounded_by_counts_of_season_and_location() -> None:
    assert most_in_agreement(published()) == 512
    assert most_in_agreement(published(moved=20)) == 492
    assert most_in_agreement(Catalog(published().records[1:])) is None
    note = LakeNote.of(published(moved=20))
    assert note.seasons == (
        "Melt and freeze are by our rule from the NASA dates: 284 melt, 192 freeze and 36 neither of 512 scenes; the "
        "published lists have 264 melt, 212 freeze and 36 neither. By these counts at each location at most 96 % of "
        "the scenes have the same season in both."
    )


def test_a_lake_of_other_scenes_has_no_agreement() -> None:
    note = LakeNote.of(Catalog(published().records[:30]))
    assert note.agreeing is None
    assert note.seasons.endswith("of 30 scenes of the training archive; the published lists are of other scenes.")
    assert LakeNote(splits={"train": 3}, synthetic=False).seasons == ""


def test_it_is_on_the_record_of_the_study(tmp_path: Path) -> None:
    note = LakeNote(splits={"train": 3, "test": 2}, synthetic=True, cryoseasons={"melt": 1, "freeze": 2, "none": 0})
    study = StudyTracker.open(fresh_database(tmp_path), study="s", lake="l", lake_note=note)
    assert study_row(study).lake_note == note
    study.set_tag(LAKE_NOTE, '{"of": "another version"}')
    assert study_row(study).lake_note is None


def test_a_lake_of_one_scene_has_no_scenes() -> None:
    assert LakeNote(splits={"test": 1}, synthetic=True).scenes == "1 test scene, synthetic"
    assert LakeNote(splits={"train": 1, "test": 1}, synthetic=True).scenes.startswith("1 training and 1 test scenes")
