"""Maps that workers make are those of one process, whatever happens to a worker; options and errors of workers."""

import json
import pickle
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
import torch
from typer.testing import CliRunner, Result

from datasets.errors import TiePointsError, WorkerDiedError
from datasets.lake import Lake
from datasets.workers import cluster
from datasets.workers.cluster import ClusterOptions
from tests.training.prediction.conftest import MakeCheckpoint
from training.__main__ import app
from training.loop.checkpoint import CheckpointError
from training.prediction import on_workers
from training.prediction.formats import Options
from training.prediction.map_folder import MapExistsError, MapFolder
from training.prediction.networks import Networks
from training.prediction.on_workers import FolderNotSharedError, MapOrder, make_map
from training.prediction.predict_maps import Progress, choose_scenes, predict_maps


def command(checkpoint: Path, lake: str, out: Path, *words: object) -> Result:
    given = ["predict", "--checkpoint", checkpoint, "--lake", lake, "--out", out, *words]
    return CliRunner().invoke(app, [str(word) for word in given], env={"COLUMNS": "300"})


def contents(folder: Path) -> dict[str, bytes]:
    """Maps, and what the folder says of them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--leaderboard", "--workers", "2"], "--leaderboard maps one scene after the other in this process"),
        (["--leaderboard", "--device", "cpu"], "leave out --workers, --scheduler, --memory-limit and --device"),
        (["--workers", "2", "--scheduler", "ray"], "--workers 2 is of a cluster that the command starts itself"),
        (["--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler answers at 'tcp://127.0.0.1:1'"),
        (["--scheduler", "ray:127.0.0.1:1"], "no Ray answers at '127.0.0.1:1'"),
        (["--memory-limit", "much"], "--memory-limit 'much' is not allowed"),
        (["--workers", "0"], "Invalid value for '--workers'"),
        (["--device", "tpu"], "'tpu' is not one of 'auto', 'cpu', 'gpu'"),
    ],
)
def test_workers_that_cannot_work_are_one_sentence(tmp_path: Path, words: list[str], sentence: str) -> None:
    result = command(tmp_path / "best.pt", "nowhere", tmp_path / "maps", *words)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.output.split())
    assert not (tmp_path / "maps").exists()


def test_dask_is_asked_for_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    result = command(tmp_path / "best.pt", "nowhere", tmp_path / "maps", "--workers", "2")
    assert result.exit_code == 2
    assert "workers need Dask, which is not installed: pip install -e '.[ingest]'" in result.output


@pytest.fixture
def order(new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path) -> MapOrder:
    folder = MapFolder(path=tmp_path / "maps", formats=("zarr",), options=Options())
    return MapOrder(checkpoints=(make_checkpoint(),), lake=new_lake, folder=folder, longest=64, device="cpu")


def test_a_worker_loads_the_networks_once_for_all_scenes_of_a_run(
    order: MapOrder, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, loaded = Networks.load, list[Path]()

    def load(files: Sequence[Path], *rest: object, **more: object) -> Networks:
        loaded.extend(files)
        assert more == {"cache": None}
        return real(files, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Networks, "load", load)
    monkeypatch.setattr(on_workers, "threads", lambda: 1)
    torch.set_num_threads(2)
    first, second = order.lake.catalog().scene_ids
    for scene_id in (first, second):
        make_map((scene_id, "digest"), order)
        record = order.folder.path / ".predict" / f"{scene_id}.json"
        made = record.stat().st_mtime_ns
        make_map((scene_id, "digest"), order)
        assert record.stat().st_mtime_ns == made, "made by another worker meanwhile"
    assert torch.get_num_threads() == 1
    (maker,) = on_workers._KEPT.values()
    known = maker.networks.members[0].inputs.reader._decoded.__dict__["_scenes"]
    assert not known, "what is kept of a scene would add up over thousands"
    other = make_checkpoint("other", seed=1)
    with pytest.raises(MapExistsError, match="was made from another checkpoint"):
        make_map((first, "other digest"), replace(order, checkpoints=(other,)))
    assert loaded == [*order.checkpoints, other]
    assert len(on_workers._KEPT) == 1


def test_a_worker_that_does_not_see_the_folder_writes_nowhere(order: MapOrder) -> None:
    order.checkpoints[0].unlink()
    with pytest.raises(FolderNotSharedError, match=r"does not see the folder .*: give --out a folder that all workers"):
        make_map(("scene", "digest"), order)
    assert not order.folder.path.exists()


def with_outcomes(monkeypatch: pytest.MonkeyPatch, outcome: Callable[[str], object]) -> list[int]:
    """Workers that give these outcomes, the last scene first; sizes of what goes to each of them."""
    sizes: list[int] = []

    class Workers:
        def run(self, function: partial[object], tasks: Sequence[tuple[str, str]]) -> Iterator[object]:
            for task in reversed(tasks):
                sizes.append(len(pickle.dumps((function, task))))
                assert all(file.exists() for file in function.keywords["order"].checkpoints)
                yield task, outcome(task[0])

    @contextmanager
    def opened(options: ClusterOptions, tasks: int) -> Iterator[Workers]:
        assert (options.workers, options.device) == (2, "cpu")
        yield Workers()

    monkeypatch.setattr(on_workers, "open_workers", opened)
    return sizes


def test_scenes_that_failed_are_lines_in_order_and_nothing_large_goes_through_the_client(
    tiny_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = tiny_lake.catalog().scene_ids
    found = {ids[0]: WorkerDiedError.after(4), ids[3]: TiePointsError("no grid"), ids[4]: KeyError("x")}
    sizes = with_outcomes(monkeypatch, found.get)
    words = ("--workers", 2, "--device", "cpu")
    result = command(make_checkpoint(), tiny_lake.url, tmp_path / "maps", *words)
    assert result.exit_code == 1, result.output
    said = " ".join(result.output.split())
    assert f"failed {ids[0]} its worker died 4 times over" in said
    assert f"failed {ids[3]} no grid failed {ids[4]} KeyError: 'x'" in said
    assert f"written: {len(ids) - 3} maps in" in said
    assert "; 0 were there already" in said, "a worker that died when the map was in its place has written it"
    assert "3 scenes have no map" in said
    assert max(sizes) < 10_000
    assert not [*(tmp_path / "maps" / ".predict").iterdir()], "the copies of checkpoints are gone"


def test_what_no_worker_can_do_ends_the_run(
    tiny_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (FolderNotSharedError("the worker is blind"), CheckpointError("its class is not there")):
        with_outcomes(monkeypatch, lambda scene_id, error=error: error)
        result = command(make_checkpoint(), tiny_lake.url, tmp_path / "maps", "--workers", 2, "--device", "cpu")
        assert result.exit_code == 2
        assert str(error) in result.output


def test_progress_tells_each_scene_that_a_worker_has_done(
    tiny_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_outcomes(monkeypatch, lambda scene_id: None)
    told: list[Progress] = []
    wanted = MapFolder(path=tmp_path / "maps", formats=("zarr",), options=Options())
    scenes, options = choose_scenes(tiny_lake, (), "test"), ClusterOptions(workers=2)
    summary = predict_maps([make_checkpoint()], tiny_lake, scenes, wanted, on=options, progress=told.append)
    assert summary.written == list(scenes.scene_ids), "in the order of the catalog"
    assert [state.finished for state in told] == ["", *reversed(scenes.scene_ids)]
    assert [state.scenes for state in told] == [0, 1, 2, 3]
    assert told[-1].done == told[-1].total


def kill_one_when(seen: Callable[[], object], killed: list[int]) -> None:
    """Kills a worker process of the local cluster of Dask in this process, once there is something."""
    deadline = time.monotonic() + 240
    while not killed and time.monotonic() < deadline:
        for each in psutil.Process().children(recursive=True) if seen() else ():
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(each.cmdline()):
                    each.kill()
                    killed.append(each.pid)
                    return
        time.sleep(0.02)


@pytest.mark.slow
def test_dask_makes_the_maps_of_one_process_though_a_worker_is_killed(
    tiny_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    file, formats = make_checkpoint(), ("--format", "zarr,netcdf")
    done = command(file, tiny_lake.url, tmp_path / "one", *formats)
    assert done.exit_code == 0, done.output
    maps, ids, killed = tmp_path / "two", tiny_lake.catalog().scene_ids, list[int]()
    first = command(file, tiny_lake.url, maps, "--scenes", ids[0], *formats)
    assert first.exit_code == 0, first.output
    begun = lambda: len([*maps.glob(".predict/*.json")]) > 1  # noqa: E731
    killer = threading.Thread(target=kill_one_when, args=(begun, killed))
    killer.start()
    done = command(file, tiny_lake.url, maps, "--workers", 2, *formats)
    killer.join()
    assert killed, done.output
    assert done.exit_code == 0, done.output
    assert f"written: {len(ids) - 1} maps in" in done.output
    assert "; 1 was there already" in done.output
    assert contents(maps) == contents(tmp_path / "one")


@pytest.mark.slow
def test_ray_makes_the_maps_of_one_process_and_a_scene_that_fails_is_a_line(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    file, (good, bad) = make_checkpoint(), new_lake.catalog().scene_ids
    assert command(file, new_lake.url, tmp_path / "one").exit_code == 0
    torn = tmp_path / "torn"
    shutil.copytree(new_lake.url, torn)
    shutil.rmtree(torn / "scenes" / f"{bad}.zarr")
    maps = tmp_path / "two"
    done = command(file, str(torn), maps, "--scheduler", "ray", "--memory-limit", "500MB")
    assert done.exit_code == 1, done.output
    assert f"failed {bad}" in done.output
    assert "written: 1 map in" in done.output
    shutil.copytree(Path(new_lake.url) / "scenes" / f"{bad}.zarr", torn / "scenes" / f"{bad}.zarr")
    mended = command(file, str(torn), maps, "--scheduler", "ray", "--memory-limit", "500MB")
    assert mended.exit_code == 0, mended.output
    assert "written: 1 map in" in mended.output
    assert "; 1 was there already" in mended.output
    assert contents(maps) == contents(tmp_path / "one")
    assert json.loads(contents(maps)[f".predict/{good}.json"])["formats"]["zarr"]["files"] == [f"{good}.zarr"]
