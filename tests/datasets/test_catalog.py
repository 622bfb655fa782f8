"""Asking a catalog."""

import pytest

from datasets.errors import SceneNotFoundError
from datasets.lake import Lake


def test_catalog_queries(tiny_lake: Lake) -> None:
    catalog = tiny_lake.catalog()
    parts = [catalog.where(season=season) for season in ("winter", "spring", "summer", "fall")]
    assert sum(len(part) for part in parts) == len(catalog)
    assert all(row.season == "fall" for row in parts[3])
    assert len(catalog.where()) == len(catalog)
    assert len(catalog.where(cryoseason="melt")) == 0
    assert {row.archive for row in catalog.split("test")} == {"test"}
    for asked in catalog:
        cell = catalog.where(location=asked.location, season=asked.season)
        assert {(row.season, row.location) for row in cell} == {(asked.season, asked.location)}
    with pytest.raises(SceneNotFoundError, match="there is no scene 'nope' among the 11"):
        catalog["nope"]


def test_a_scene_id_with_a_slip_is_told_the_nearest(tiny_lake: Lake) -> None:
    catalog = tiny_lake.catalog()
    scene_id = catalog.scene_ids[0]
    for slip in (scene_id[:-1], scene_id.lower(), "9" + scene_id[1:], scene_id.replace("_", "-")):
        with pytest.raises(SceneNotFoundError, match=f"did you mean '{scene_id}'"):
            catalog[slip]
