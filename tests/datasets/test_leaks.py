"""Distances of training scenes from test scenes, the command that prints them, and lakes that keep them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from datasets.__main__ import app
from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.leaks import Apart, ApartError, leaks, too_near
from datasets.scene import SceneRecord
from ingest.build import SplitOptions, publish

Box = tuple[float, float, float, float]


def row(name: str, archive: str, box: Box, day: float) -> SceneRecord:
    return SceneRecord.model_construct(
        scene_id=name,
        archive=archive,
        split=archive,
        bbox=box,
        acquired=datetime(2020, 6, 1, tzinfo=UTC) + timedelta(days=day),
    )


def test_the_nearest_in_space_in_time_and_at_the_same_place() -> None:
    catalog = Catalog(
        (
            row("test", "test", (0, 70, 5, 72), 0),
            row("same_place_later", "train", (1, 70, 6, 72), 300),
            row("same_place", "train", (1, 70, 6, 72), -20),
            row("same_day", "train", (100, 70, 105, 72), 0.5),
        )
    )
    (found,) = leaks(catalog)
    assert (found.in_space.scene_id, found.in_space.km, found.in_space.days) == ("same_place", 0.0, 20.0)
    assert (found.in_time.scene_id, found.in_time.days) == ("same_day", 0.5)
    assert found.same_place == found.in_space
    (alone,) = leaks(Catalog((catalog.records[0], catalog.records[3])))
    assert alone.same_place is None
    assert leaks(Catalog(catalog.records[:1])) == ()


def test_too_near_is_near_in_both() -> None:
    rows = (
        row("test", "test", (0, 70, 5, 72), 0),
        row("near", "train", (0, 73, 5, 74), -9),
        row("long_ago", "train", (0, 73, 5, 74), -30),
        row("far", "train", (60, 73, 65, 74), 1),
    )
    assert _too_near(rows, "200,10") == {"near"}
    assert _too_near(rows, "100,10") == set()
    assert _too_near(rows, "200,30") == {"near", "long_ago"}


def _too_near(rows: Sequence[SceneRecord], apart: str) -> set[str]:
    catalog = Catalog.of(rows)
    return {*catalog.take(too_near(catalog, Apart.parse(apart))).scene_ids}


@pytest.mark.parametrize("text", ["200", "a,b", "0,10", "10,-1", "nan,1", ""])
def test_what_is_no_distance_is_refused(text: str) -> None:
    with pytest.raises(ApartError, match="such as 200,10"):
        Apart.parse(text)


def test_the_command_names_every_test_scene(tiny_lake: Lake, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["leaks", tiny_lake.url, "--csv", str(tmp_path / "l.csv")], env={"COLUMNS": "250"})
    assert done.exit_code == 0, done.output
    tests = tiny_lake.catalog().split("test").scene_ids
    assert all(scene_id in done.output for scene_id in tests)
    assert f" of {len(tests)} test scenes are touched by a training scene within 10 days" in done.output
    table = pd.read_csv(tmp_path / "l.csv")
    assert table["scene_id"].tolist() == list(tests)
    assert (table["in_space_km"] <= table["in_time_km"]).all()


def test_a_lake_leaves_out_what_is_too_near(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[Catalog] = []
    monkeypatch.setattr(Lake, "publish", lambda self, catalog, *_, **__: published.append(catalog))
    nearest = min((leak.in_space for leak in leaks(tiny_lake.catalog())), key=lambda each: (each.km, each.days))
    apart = Apart(km=nearest.km + 1, days=nearest.days + 0.1)
    publish(tiny_lake, tiny_lake.catalog(), SplitOptions(val_scenes=1, apart=apart))
    assert published[0][nearest.scene_id].split == "unused"
    assert published[0].scene_ids == tiny_lake.catalog().scene_ids
    assert len(published[0].split("train")) > 0
