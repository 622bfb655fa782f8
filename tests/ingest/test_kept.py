"""Which scenes a build takes from the catalog, and when it must open their stores."""

import shutil
from pathlib import Path

import pytest

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.leaks import Apart, leaks
from datasets.season_updates import amend
from datasets.workers.cluster import ClusterOptions
from ingest.build import SplitOptions, build_lake, publish
from ingest.kept import KnownScenes
from ingest.recipe import Recipe

RECIPE = Recipe(ratios=(1, 2, 5, 10))


@pytest.fixture
def lake(tiny_lake: Lake, tmp_path: Path) -> Lake:
    """A copy of the small lake, which a build has published."""
    shutil.copytree(tiny_lake.url, tmp_path / "lake")
    lake = Lake.open(str(tmp_path / "lake"))
    lake.publish(lake.catalog(), lake.statistics, settled=True)
    return lake


def _kept(lake: Lake, sources: list[str], recipe: Recipe = RECIPE) -> set[str]:
    return set(KnownScenes.of(Lake.open(lake.url)).kept(sources, recipe, "train", {}))


def _train(lake: Lake) -> list[str]:
    return [f"/raw/{row.source}" for row in lake.catalog() if row.archive == "train"]


def test_a_build_of_finished_scenes_opens_none_of_their_stores(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (Path(lake.url) / "catalog.parquet").read_bytes()
    sources, opened = _train(lake), []
    monkeypatch.setattr("datasets.lake.SceneStore", lambda url: opened.append(url))
    done = build_lake(
        sources,
        RECIPE,
        Lake.open(lake.url),
        "train",
        cluster=ClusterOptions(workers=1),
        split=SplitOptions(),
        on_scene=lambda _: None,
    )
    assert opened == []
    assert [row.source for row in done.built] == [Path(path).name for path in sources]
    assert done.catalog == lake.catalog()
    assert not done.failures
    assert (Path(lake.url) / "catalog.parquet").read_bytes() == content


def test_a_rule_of_distances_that_holds_already_writes_no_catalog(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    nearest = min((leak.in_space for leak in leaks(lake.catalog())), key=lambda each: (each.km, each.days))
    split = SplitOptions(val_scenes=1, apart=Apart(km=nearest.km + 1, days=nearest.days + 0.1))
    publish(lake, lake.catalog(), split, settled=True)
    published: list[Catalog] = []
    monkeypatch.setattr(Lake, "publish", lambda self, catalog, *_, **__: published.append(catalog))

    def again(options: SplitOptions) -> None:
        target, one = Lake.open(lake.url), ClusterOptions(workers=1)
        build_lake(_train(target), RECIPE, target, "train", cluster=one, split=options, on_scene=lambda _: None)

    again(split)
    assert published == []
    again(SplitOptions(val_scenes=1))
    assert published[0][nearest.scene_id].split != "unused"


def test_what_the_row_or_the_listing_does_not_confirm_is_looked_at(lake: Lake) -> None:
    sources = _train(lake)
    assert _kept(lake, sources) == {*sources}
    assert _kept(lake, sources, Recipe(ratios=(5,))) == set()
    other = sources[0].replace("_icechart_", "X_icechart_").replace("X_", "_")
    renamed = sources[0].replace(Path(sources[0]).name.split("_")[8], "0000")
    assert renamed not in _kept(lake, [renamed])
    assert other in _kept(lake, [other])
    first = lake.catalog().split("train").scene_ids[0]
    (Path(lake.scene_url(first)) / "zarr.json").unlink()
    assert len(_kept(lake, sources)) == len(sources) - 1
    assert KnownScenes.of(Lake.open(lake.url)).lost() == (first,)


def test_scenes_to_predict_are_kept_among_those_of_their_own_archive(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = sorted(lake.catalog(), key=lambda row: row.archive, reverse=True)
    digest = lake.digest_with(Catalog.of(rows[1:]))
    assert rows[0].archive == "train"
    rows[0] = rows[0].model_copy(update={"archive": "predict", "split": "predict"})
    lake.publish(Catalog.of(rows), lake.statistics, settled=True)
    assert Lake.open(lake.url).digest == digest
    path = f"/raw/{rows[0].source}"
    assert _kept(lake, [path]) == set()  # as a training scene it is another
    monkeypatch.setattr("datasets.lake.SceneStore", lambda url: pytest.fail(f"{url} was opened"))
    known = KnownScenes.of(Lake.open(lake.url))
    found = known.kept([path], RECIPE, "predict", {})
    assert [known.catalog.at(place) for place in found.values()] == rows[:1]


def test_stores_that_may_be_ahead_of_the_catalog_are_opened(lake: Lake) -> None:
    sources = _train(lake)
    lake.expect_changes()
    assert _kept(lake, sources) == set()
    lake.publish(lake.catalog(), lake.statistics, settled=True)
    assert _kept(lake, sources) == {*sources}
    lake.publish(lake.catalog(), lake.statistics)  # as a migration does, which knows of stores without polygons
    assert _kept(lake, sources) == set()


def test_seasons_that_are_given_leave_the_catalog_settled(lake: Lake) -> None:
    rows = [row.model_copy(update={"cryoseason": "melt", "melt_cells": 1.0}) for row in lake.catalog()]

    def stopped() -> None:
        raise KeyboardInterrupt

    sources = {row.scene_id: {"rule": "x"} for row in rows}
    with pytest.raises(KeyboardInterrupt):
        amend(lake, Catalog.of(rows), sources=sources, check_lock=stopped)
    assert not Lake.open(lake.url).is_settled()
