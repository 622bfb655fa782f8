"""The lake in object storage, on a real server: building, reading, refusing, and how many requests it takes."""

import threading
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from datasets.__main__ import app as datasets_app
from datasets.errors import LakeAccessError, LakeNotFoundError
from datasets.lake import Lake
from datasets.prefixes import holds_objects, names, remove_below, sizes
from datasets.storage import replace
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.found_stores import store_names, unfinished_replacements
from ingest.recipe import Recipe
from tests.ingest.command_line import command
from tests.object_store import ObjectStore, counting_proxy

pytestmark = pytest.mark.slow

OPTIONS = ("--ratios", "2", "10", "--workers", 1)
"""Of every build here: a second worker costs three seconds to start and changes nothing of what is written."""


def become(
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    user: tuple[str, str] | None = None,
    endpoint: str | None = None,
) -> None:
    for name, value in store.environment(user, endpoint).items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def tiny(url: str, raw: list[Path]) -> Lake:
    recipe = Recipe(ratios=(2, 10))
    lake = Lake.create(url, recipe.to_lake())
    publish(lake, [convert_scene(str(path), recipe, lake, "train") for path in raw], SplitOptions())
    return Lake.open(url)


@pytest.fixture(scope="module")
def built(
    object_store: ObjectStore, raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Result]:
    """Two scenes built by the command into the bucket, and the same on disk."""
    disk = tmp_path_factory.mktemp("disk") / "lake"
    with pytest.MonkeyPatch.context() as patch:
        become(object_store, patch)
        result = command("build", *raw_train[:2], "--lake", "s3://lake/built", *OPTIONS)
        assert command("build", *raw_train[:2], "--lake", disk, *OPTIONS).exit_code == 0
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    return "s3://lake/built", disk, result


@pytest.mark.slow
def test_the_command_builds_what_plain_xarray_reads(s3: ObjectStore, built: tuple[str, Path, Result]) -> None:
    url, disk, result = built
    assert result.exit_code == 0, result.output
    assert "2 of 2 scenes are in the lake s3://lake/built" in result.output
    assert not [secret for secret in (*s3.owner, *s3.reader) if secret in result.output]
    lake, twin = Lake.open(url), Lake.open(str(disk))
    assert lake.digest == twin.digest
    for scene_id in lake.catalog().scene_ids:
        with xr.open_zarr(f"{url}/scenes/{scene_id}.zarr", group="r2") as remote:
            xr.testing.assert_identical(remote.load(), twin.scene(scene_id).open(2).load())
        assert lake.scene(scene_id).record == twin.scene(scene_id).record
    assert lake.moments("r2") == twin.moments("r2")
    shown = CliRunner().invoke(datasets_app, ["show", url], env={"COLUMNS": "250"})
    assert shown.exit_code == 0
    assert "2 scenes" in shown.output


def test_objects_are_those_of_the_lake_on_disk(s3: ObjectStore, built: tuple[str, Path, Result]) -> None:
    url, disk, _ = built
    assert sizes(f"{url}/scenes") == sizes(f"{disk}/scenes")
    assert names(url) == names(str(disk))


@pytest.mark.slow
def test_a_scene_is_overwritten_in_place(s3: ObjectStore, raw_train: list[Path]) -> None:
    lake = tiny("s3://lake/overwritten", raw_train[:1])
    scene_id = lake.catalog().scene_ids[0]
    before = lake.scene(scene_id).open(10).SOD.load()
    with lake.write_scene(scene_id) as writer:
        xr.testing.assert_identical(lake.scene(scene_id).open(10).SOD.load(), before)
        writer.array("r10", "SOD", np.zeros((9, 8), np.uint8), dims=("line", "sample"), fill=255, attributes={})
        writer.finish({"record": {}}, {"r10": {}})
    with xr.open_zarr(lake.scene_url(scene_id), group="r10") as after:
        assert after.SOD.shape == (9, 8) != before.shape
    assert "r2/SOD/zarr.json" not in sizes(lake.scene_url(scene_id))
    assert store_names(lake) == (scene_id,)
    assert unfinished_replacements(lake) == ()


def test_a_place_that_was_emptied_is_empty(s3: ObjectStore, raw_train: list[Path]) -> None:
    url = "s3://lake/emptied"
    replace(f"{url}/deep/below/thesis.tex", b"years of work")
    with pytest.raises(LakeNotFoundError, match="is not empty and is not a lake"):
        Lake.create(url, Recipe().to_lake())
    remove_below(url)
    assert not holds_objects(url)
    assert Lake.create(url, Recipe().to_lake()).recipe_digest == Recipe().digest


@pytest.mark.slow
def test_a_key_that_may_only_read_reads_and_does_not_build(
    s3: ObjectStore, built: tuple[str, Path, Result], raw_train: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, disk, _ = built
    become(s3, monkeypatch, s3.reader)
    lake = Lake.open(url)
    scene_id = lake.catalog().scene_ids[0]
    xr.testing.assert_identical(
        lake.scene(scene_id).open(2).load(), Lake.open(str(disk)).scene(scene_id).open(2).load()
    )
    for target in (url, "s3://lake/another"):
        result = command("build", *raw_train[:3], "--lake", target, *OPTIONS)
        assert result.exit_code == 2, result.output
        assert "was refused (AccessDenied)" in result.output
        assert len(result.output.strip().splitlines()) == 1
    values = np.zeros((2, 2), np.float32)
    with pytest.raises(LakeAccessError), lake.write_scene(scene_id) as writer:
        writer.array("r2", "x", values, dims=("line", "sample"), fill=np.nan, attributes={})
    assert Lake.open(url).digest == lake.digest


@pytest.mark.slow
def test_a_server_that_goes_away_in_the_middle_costs_nothing(
    s3: ObjectStore, built: tuple[str, Path, Result], raw_train: list[Path]
) -> None:
    """The client tries again for some seconds; a file that still fails gets a line, and the next run fetches it."""
    url = "s3://lake/restarted"

    def restart() -> None:
        deadline = time.monotonic() + 240
        while not list(s3.data.rglob("*")) or not started.is_set():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        s3.stop()
        s3.start()

    started = threading.Event()
    thread = threading.Thread(target=restart)
    recipe = Recipe(ratios=(2, 10))
    lake = Lake.create(url, recipe.to_lake())
    thread.start()
    started.set()
    result = command("build", *raw_train[:2], "--lake", url, *OPTIONS)
    thread.join()
    assert result.exit_code in (0, 1, 2), result.output
    assert not isinstance(result.exception, OSError)
    again = command("build", *raw_train[:2], "--lake", url, *OPTIONS, "--break-lock")
    assert again.exit_code == 0, again.output
    assert sizes(f"{url}/scenes") == sizes(f"{built[1]}/scenes")
    assert Lake.open(url).digest == Lake.open(built[0]).digest
    assert lake.catalog() == Lake.open(built[0]).catalog()


@pytest.mark.slow
def test_requests_do_not_grow_with_the_number_of_scenes(
    s3: ObjectStore, built: tuple[str, Path, Result], raw_train: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    large = "s3://lake/large"
    tiny(large, raw_train[:6])
    counts = []
    with counting_proxy(s3) as (endpoint, seen):
        become(s3, monkeypatch, endpoint=endpoint)
        for url in (built[0], large):
            seen.clear()
            lake = Lake.open(url)
            catalog = lake.catalog()
            opening = list(seen)
            assert len(catalog.where()) in (2, 6)
            assert len(opening) <= 3, opening
            assert sum("catalog" in each for each in opening) == 1
            seen.clear()
            scene = lake.scene(catalog.scene_ids[0])
            patch = scene.window(2, "nersc_sar_primary", slice(0, 256), slice(0, 256))
            assert patch.shape[0] > 100
            counts.append(list(seen))
            assert len(seen) <= 4, seen
            seen.clear()
            with xr.open_zarr(lake.scene_url(catalog.scene_ids[0]), group="r2") as dataset:
                assert dataset.sizes["line"] > 100
            assert len(seen) <= 8, seen
    assert len(counts[0]) == len(counts[1]), counts
