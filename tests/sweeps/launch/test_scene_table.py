"""What a dry run says about the training scenes of a study."""

import pytest

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.seasons import LOCATIONS
from sweeps.design.scene_sets import trained_on
from sweeps.launch.scene_table import show_scenes
from tests.sweeps.launch.small_study import SPEC, small_study


def test_cells_say_their_scenes_and_the_classes_that_they_never_see(
    tiny_lake: Lake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    catalog = tiny_lake.catalog()
    locations = {record.location for record in catalog.split("train")}
    show_scenes(
        small_study(2, axes={"train.location": trained_on("location", ["cat1", "cat2", "cat3", "cat4"])}), tiny_lake
    )
    said = capsys.readouterr().out
    assert all(f"train.location={place}" in said for place in LOCATIONS)
    assert said.count("no scenes") == 4 - len(locations)
    show_scenes(small_study(1, axes={"data.ratio": (5, 10)}), tiny_lake)
    assert "every cell" in capsys.readouterr().out
    monkeypatch.setattr(
        Lake,
        "catalog",
        lambda self: Catalog.of(
            r.model_copy(update={"pixels": {**r.pixels, "SOD": {**r.pixels["SOD"], 1: 0}}}) for r in catalog
        ),
    )
    show_scenes(small_study(1, base=SPEC), tiny_lake)
    said = capsys.readouterr().out
    assert "new ice" in said
    assert "cannot be predicted" in said
