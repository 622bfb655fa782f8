"""Builds that are killed, collide, lose workers or change the recipe: readers see a whole lake; a rerun repairs it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr

import datasets.stores.scene_writer
from datasets.errors import LakeNotFoundError, RecipeMismatchError, SceneNotFoundError
from datasets.lake import Lake
from datasets.prefixes import move_below
from datasets.stores.scene_writer import SceneWriter
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.found_stores import finished_scenes, store_names, unfinished_replacements
from ingest.other_recipes import prune
from ingest.recipe import Recipe
from tests.ingest.kept_workers import command

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("interrupted_build.py")
RATIOS = ("--ratios", "5", "10")
ONE_WORKER = ("--workers", 1)
"""Of builds where the build itself is the subject: each more costs three seconds to start."""


def start_build(script: list[str], *words: object, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *script, "build", *(str(word) for word in words), *RATIOS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "250", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def contents(lake: Path) -> dict[str, bytes]:
    return {
        path.relative_to(lake).as_posix(): path.read_bytes()
        for path in lake.rglob("*")
        if path.is_file() and path.name != "recipe.json"
    }


def read_all(lake: Lake) -> list[str]:
    """Every scene of the catalog opens and gives up its pixels."""
    catalog = lake.catalog()
    for record in catalog:
        scene = lake.scene(record.scene_id)
        assert scene.record.fingerprint == record.fingerprint
        assert scene.open(10).load().sizes["line"] == record.lines // 10
    return list(catalog.scene_ids)


@pytest.fixture(scope="module")
def undisturbed(raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("undisturbed") / "lake"
    assert command("build", *raw_train[:3], "--lake", lake, *RATIOS).exit_code == 0
    return lake


@pytest.fixture(scope="module")
def of_one_scene(raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("begun") / "lake"
    assert command("build", raw_train[0], "--lake", lake, *RATIOS).exit_code == 0
    return lake


@pytest.fixture
def begun(of_one_scene: Path, tmp_path: Path) -> Path:
    """A published lake of one scene, for this test alone."""
    return Path(shutil.copytree(of_one_scene, tmp_path / "lake"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "scenes"),
    [
        ("SOD/zarr.json", 1),
        ("r5/zarr.json", 1),
        (".zarr/zarr.json", 1),
        ("after:.zarr/zarr.json", 1),
        ("catalog.parquet", 1),
        ("after:catalog.parquet", 3),
    ],
)
def test_a_killed_build_leaves_a_whole_lake_and_goes_on(
    begun: Path, undisturbed: Path, raw_train: list[Path], tmp_path: Path, moment: str, scenes: int
) -> None:
    build = [*raw_train[:3], "--lake", begun]
    process = start_build(
        [str(SCRIPT)],
        *build,
        *ONE_WORKER,
        INTERRUPT_AT=moment,
        INTERRUPT_WHO="build",
        INTERRUPT_LOG=str(tmp_path / "kills"),
        INTERRUPT_MAX="1",
    )
    process.communicate(timeout=400)
    assert process.returncode == -signal.SIGKILL
    assert len(read_all(Lake.open(str(begun)))) == scenes

    refused = command("build", *build, *RATIOS)
    assert refused.exit_code == 2
    assert f"process {process.pid} on" in refused.output
    assert "no such process runs on this machine any more, so start again with --break-lock" in refused.output
    mended = command("build", *build, *RATIOS, "--break-lock")
    assert mended.exit_code == 0, mended.output
    assert contents(begun) == contents(undisturbed)


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.slow
def test_a_worker_that_dies_costs_one_more_try(undisturbed: Path, raw_train: list[Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    process = start_build(
        [str(SCRIPT)],
        *raw_train[:3],
        "--lake",
        lake,
        INTERRUPT_AT=".zarr/zarr.json",
        INTERRUPT_WHO="worker",
        INTERRUPT_LOG=str(tmp_path / "kills"),
        INTERRUPT_MAX="1",
    )
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0, output
    assert (tmp_path / "kills").read_text() == "x"
    assert contents(lake) == contents(undisturbed)


@pytest.mark.slow
def test_a_scene_that_kills_every_worker_is_a_line_and_the_others_are_built(
    undisturbed: Path, raw_train: list[Path], tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    guilty = Lake.open(str(undisturbed)).catalog().scene_ids[1]
    process = start_build(
        [str(SCRIPT)],
        *raw_train[:3],
        "--lake",
        lake,
        INTERRUPT_AT=f"{guilty}.zarr/zarr.json",
        INTERRUPT_WHO="worker",
        INTERRUPT_LOG=str(tmp_path / "kills"),
        INTERRUPT_MAX="1000",
    )
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 1, output
    assert "its worker died 4 times over, mostly for want of memory" in output
    assert "2 of 3 scenes are in the lake" in output
    assert guilty not in read_all(Lake.open(str(lake)))


@pytest.mark.slow
def test_a_second_build_is_refused_while_one_runs(raw_train: list[Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    process = start_build(["-m", "ingest"], *raw_train[:2], "--lake", lake, *ONE_WORKER)
    wait_for((lake / "lock.json").exists)
    wait_for(lambda: (lake / "lock.json").read_bytes() != b"")
    owner = json.loads((lake / "lock.json").read_text())
    second = command("build", *raw_train[:2], "--lake", lake, *RATIOS)
    assert second.exit_code == 2
    sentence = (
        f"is being changed by another build (process {process.pid} on {owner['host']}, started {owner['started']})"
    )
    assert sentence in second.output
    assert "wait until it has ended" in second.output
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0, output
    assert not (lake / "lock.json").exists()


@pytest.mark.slow
def test_a_polite_kill_releases_the_lock(raw_train: list[Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    process = start_build(["-m", "ingest"], *raw_train[:3], "--lake", lake, *ONE_WORKER)
    wait_for(lambda: any((lake / "scenes").glob("*")))
    process.terminate()
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 143, output
    assert not (lake / "lock.json").exists()


@pytest.fixture(params=["disk", "memory", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3")
    places = {"disk": str(tmp_path / "lake"), "memory": f"memory://{tmp_path.name}", "s3": f"s3://lake/{tmp_path.name}"}
    return places[request.param]


def test_a_foreign_place_gets_no_lock(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert command("build", ROOT / "README.md", "--lake", tmp_path).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.slow
def test_readers_keep_the_old_recipe_until_the_new_lake_is_whole(place: str, raw_train: list[Path]) -> None:
    old_recipe, new_recipe = Recipe(ratios=(5, 10)), Recipe(ratios=(10,))
    old = Lake.create(place, old_recipe.to_lake())
    publish(old, [convert_scene(str(path), old_recipe, old, "train") for path in raw_train[:2]], SplitOptions())
    before = Lake.open(place)
    digest, statistics = before.digest, before.moments("r10")

    with pytest.raises(RecipeMismatchError, match="or --rebuild to build all its scenes again"):
        Lake.create(place, new_recipe.to_lake())
    new = Lake.create(place, new_recipe.to_lake(), rebuild=True)
    first = convert_scene(str(raw_train[0]), new_recipe, new, "train")
    assert Lake.open(place).recipe_digest == old_recipe.digest
    assert read_all(Lake.open(place)) == read_all(before)
    assert new.shown().recipe_digest == old_recipe.digest

    again = Lake.create(place, new_recipe.to_lake(), rebuild=True)
    assert [record.scene_id for record in finished_scenes(again)] == [first.scene_id]
    publish(again, [first, convert_scene(str(raw_train[1]), new_recipe, again, "train")], SplitOptions())
    shown = Lake.open(place)
    assert shown.recipe_digest == new_recipe.digest
    assert shown.ratios == (10,)
    assert read_all(shown) == read_all(before)
    assert shown.digest != digest
    with xr.open_zarr(shown.scene_url(first.scene_id), group="r10") as dataset:
        assert dataset.sizes["line"] > 10
    assert (before.digest, before.moments("r10")) == (digest, statistics)
    assert before.scene(first.scene_id).open(5).load().sizes["line"] > 20

    assert prune(shown) == (old_recipe.digest,)
    assert read_all(Lake.open(place)) == list(shown.catalog().scene_ids)
    with pytest.raises(SceneNotFoundError):
        before.scene(first.scene_id)
    with pytest.raises(LakeNotFoundError):
        Lake(before.url, before.recipe).catalog()


@pytest.mark.slow
def test_a_rebuild_waits_for_all_archives(raw_train: list[Path], raw_test: list[Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    both = ("--lake", lake, "--ratios", "5", "10")
    assert command("build", *raw_train[:2], *both).exit_code == 0
    assert command("build", raw_test[0], *both, "--split", "test").exit_code == 0
    before = Lake.open(str(lake))

    anew = ("--lake", lake, "--ratios", "10")
    assert "or --rebuild" in command("build", *raw_train[:2], *anew).output
    half = command("build", *raw_train[:2], *anew, "--rebuild")
    assert half.exit_code == 1, half.output
    assert f"readers still see recipe {before.recipe_digest}: 1 of its scenes is not built" in half.output
    assert Lake.open(str(lake)).digest == before.digest
    whole = command("build", raw_test[0], *anew, "--split", "test", "--rebuild")
    assert whole.exit_code == 0, whole.output
    after = Lake.open(str(lake))
    assert after.ratios == (10,)
    assert [row.split for row in after.catalog()] == [row.split for row in before.catalog()]

    back = command("build", *raw_train[:2], *both, "--rebuild")
    assert back.exit_code == 0, back.output
    assert Lake.open(str(lake)).digest == before.digest
    pruned = command("prune", lake, "--yes")
    assert pruned.exit_code == 0, pruned.output
    assert after.recipe_digest in pruned.output
    assert not (lake / "recipes" / after.recipe_digest / "scenes").exists()


@pytest.mark.slow
def test_a_scene_that_is_built_anew_can_be_read_all_the_while(
    place: str, raw_train: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same scene under another file name: a product that was published again."""
    recipe = Recipe(ratios=(5, 10))
    lake = Lake.create(place, recipe.to_lake())
    record = convert_scene(str(raw_train[0]), recipe, lake, "train")
    publish(lake, [record], SplitOptions())
    before = lake.scene(record.scene_id).open(10).load()
    opened: list[bool] = []

    def exchange(source: str, target: str, *, aside: str, last: str) -> None:
        """Everything of the new store is written now."""
        assert lake.scene(record.scene_id).record == record
        opened.append(lake.scene(record.scene_id).open(10).load().equals(before))
        move_below(source, target, aside=aside, last=last)

    monkeypatch.setattr(datasets.stores.scene_writer, "move_below", exchange)
    renamed = tmp_path / re.sub("_[0-9A-F]{4}_icechart", "_0ABC_icechart", raw_train[0].name)
    shutil.copy(raw_train[0], renamed)
    with pytest.raises(InterruptedError):
        interrupted(renamed, recipe, lake, monkeypatch)
    assert lake.scene(record.scene_id).record == record
    second = convert_scene(str(renamed), recipe, lake, "train")
    assert opened == [True]
    assert lake.scene(record.scene_id).record == second
    assert second.source == renamed.name != record.source
    assert lake.scene(record.scene_id).open(10).load().equals(before)
    assert store_names(lake) == (record.scene_id,)
    assert unfinished_replacements(lake) == ()


def interrupted(path: Path, recipe: Recipe, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(*_: object, **__: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(SceneWriter, "finish", finish)
        convert_scene(str(path), recipe, lake, "train")


@pytest.mark.slow
def test_a_scene_whose_store_is_gone_leaves_the_catalog_with_a_word(begun: Path, raw_train: list[Path]) -> None:
    gone = Lake.open(str(begun)).catalog().scene_ids[0]
    (begun / "scenes" / f"{gone}.zarr" / "zarr.json").unlink()
    result = command("build", raw_train[1], "--lake", begun, *RATIOS)
    assert result.exit_code == 1
    assert f"1 scene left the catalog, its store is gone (first: {gone})" in result.output
    assert gone not in read_all(Lake.open(str(begun)))
