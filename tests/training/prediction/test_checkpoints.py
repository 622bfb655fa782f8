"""Checkpoints by file, folder, run of MLflow and trial_id."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from datasets.storage import replace
from tests.mlflow_server import fresh_database
from tests.training.prediction.conftest import MakeCheckpoint
from training.__main__ import app
from training.loop.checkpoint import CheckpointError, load_checkpoint
from training.prediction.checkpoints import find_checkpoint
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.run_checkpoint import FOLDER
from training.tracking.server import TrackingError


def test_a_file_a_folder_and_a_trial_of_a_study(make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    file = make_checkpoint("checkpoints/0a1b2c3d4e5f")
    assert find_checkpoint(str(file), tmp_path) == file
    assert find_checkpoint(str(file.parent), tmp_path) == file
    found = find_checkpoint("0a1b2c3d4e5f", tmp_path / "scratch", storage=str(tmp_path))
    assert found.is_relative_to(tmp_path / "scratch")
    assert found.read_bytes() == file.read_bytes()
    replace("memory://studies/checkpoints/0a1b2c3d4e5f/best.pt", file.read_bytes())
    for storage in ("memory://studies", "memory://studies/"):
        assert find_checkpoint("0a1b2c3d4e5f", tmp_path, storage=storage).read_bytes() == file.read_bytes()
    with pytest.raises(CheckpointError, match="did you mean '0a1b2c3d4e5f'"):
        find_checkpoint("0a1b2c3d4e5a", tmp_path, storage=str(tmp_path))
    with pytest.raises(CheckpointError, match=r"there is no checkpoint 'gone': give the best\.pt"):
        find_checkpoint("gone", tmp_path)
    with pytest.raises(CheckpointError, match=f"did you mean '{file}'"):
        find_checkpoint(str(file.with_name("bets.pt")), tmp_path)
    with pytest.raises(CheckpointError, match="looks like a run of MLflow: give --tracking-uri"):
        find_checkpoint("0" * 32, tmp_path)


@pytest.mark.slow
def test_a_run_of_mlflow(make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    uri, file = fresh_database(tmp_path), make_checkpoint()
    runs = []
    for with_checkpoint in (True, False):
        tracker = MlflowTracker(uri, "single_trials")
        tracker.start(load_checkpoint(file).spec, {"lake": "x"})
        if with_checkpoint:
            tracker.log_file(file, FOLDER)
        tracker.finish("FINISHED")
        runs.append(tracker.run_id)
    assert find_checkpoint(runs[0], tmp_path / "scratch", tracking_uri=uri).read_bytes() == file.read_bytes()
    with pytest.raises(TrackingError, match="has no checkpoint: give the run of a finished trial"):
        find_checkpoint(runs[1], tmp_path / "scratch", tracking_uri=uri)
    with pytest.raises(TrackingError, match="has no such run"):
        find_checkpoint("0" * 32, tmp_path / "scratch", tracking_uri=uri)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--target", "SOD"], "--target and --ratio are for --leaderboard: a map has all charts of the trial"),
        (["--leaderboard", "--scenes", "x"], "--leaderboard is of all test scenes: leave out --scenes and --split"),
        (["--leaderboard", "--format", "zarr", "netcdf"], "--leaderboard is of one checkpoint and one --format"),
        (["--scenes", "x", "--split", "test"], "--scenes and --split both say which scenes: give one of them"),
        (["--split", "tset"], "unknown split 'tset': known are train, val, test"),
        (["--format", "zarr,shape"], "unknown format 'shape': known are zarr, netcdf, geotiff, png"),
        (["--format", ","], "--format names no form: give one or several of zarr, netcdf, geotiff, png"),
        (["--scenes", "one", "two"], "has no scene 'one'"),
        (["--format", "geotiff", "--crs", "EPSG:1"], "EPSG:1"),
        (
            ["--format", "png", "--colours", "wm"],
            "unknown set of colours 'wm': known are safe, wmo; did you mean 'wmo'",
        ),
        (["--format", "zarr", "png", "overwrit"], "'overwrit' is no value of --format: did you mean --overwrite?"),
        (["--scenes", "x", "lake"], "'lake' is no value of --scenes: did you mean --lake?"),
        (["--format", "zarr", "netcd"], "unknown format 'netcd': known are zarr, netcdf, geotiff, png; did you mean"),
    ],
)
def test_words_that_do_not_fit_are_one_sentence(
    words: list[str], sentence: str, make_checkpoint: MakeCheckpoint, tiny_lake: Lake, tmp_path: Path
) -> None:
    given = ["--checkpoint", str(make_checkpoint()), "--lake", tiny_lake.url, "--out", str(tmp_path / "maps")]
    done = CliRunner().invoke(app, ["predict", *given, *words], env={"COLUMNS": "250"})
    assert done.exit_code == 2, done.output
    assert sentence in " ".join(done.output.split())
    assert not (tmp_path / "maps").exists()
