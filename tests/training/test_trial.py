import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.errors import SplitError, UnknownNameError
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.node_cache import NodeCache
from datasets.loading.scene_inputs import SceneInputs
from datasets.loading.scene_reader import SceneReader
from datasets.storage import read
from sweeps.record.study import StudyTracker
from tests.finished_trials import finished_trials
from tests.mlflow_server import fresh_database
from training.artifacts.trial_folder import TrialFolderError
from training.evaluation.bins import Bin, ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.predict import outputs_of
from training.evaluation.result import TrialResult
from training.loop.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from training.loop.checkpoint_files import BEST, LAST
from training.loop.device_memory import DeviceMemoryError
from training.loop.epoch import TrainingProgress, TrialOverview
from training.loop.processes import Processes
from training.loop.steps import NonFiniteLossError
from training.spec import SpecError, TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.outbox import OutboxError
from training.tracking.server import TrackingError
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial


def scores(result: TrialResult) -> dict[str, float]:
    return {name: value for name, value in result.metrics.items() if not name.startswith("cost/")}


@pytest.fixture(scope="module")
def done(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrialResult, MemoryTracker, Path]:
    """One trial that every test of this module may look at."""
    torch.set_num_threads(1)
    tracker, folder = MemoryTracker(), tmp_path_factory.mktemp("trial")
    return run_trial(small_spec, tiny_lake, tracker, folder=folder), tracker, folder


Done = tuple[TrialResult, MemoryTracker, Path]


@pytest.mark.slow
def test_the_result_has_scores_of_both_grids_and_all_bins(done: Done, tiny_lake: Lake) -> None:
    result, _, _ = done
    test = list(tiny_lake.catalog().split("test"))
    for grid in ("test", "test_80m"):
        for name in ("f1", "f1_macro", "accuracy", "iou", "precision", "recall", "majority_f1", "class/open_water/f1"):
            assert 0.0 <= result.metrics[f"{grid}/{name}"] <= 1.0
        for record in test:
            assert f"{grid}/{record.season}/f1" in result.metrics
            assert ScoreKey(grid, "SOD", Bin("scene", record.scene_id)) in result.matrices
        whole = ConfusionMatrix.from_lists(result.matrices[ScoreKey(grid, "SOD")])
        parts = [
            ConfusionMatrix.from_lists(result.matrices[ScoreKey(grid, "SOD", Bin("scene", r.scene_id))]) for r in test
        ]
        assert sum(parts, ConfusionMatrix.zero(6)) == whole
        assert result.metrics[f"{grid}/f1"] == whole.metrics().f1
    assert not any(np.isnan(value) for value in result.metrics.values())


def test_the_result_says_how_far_its_confidence_can_be_believed(done: Done) -> None:
    result, _, folder = done
    found = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))["SOD"]
    assert found["temperature"] == result.metrics["calibration/temperature"]
    for where in ("val", "test", "test_scaled"):
        assert 0.0 <= result.metrics[f"calibration/ece_{where}"] == found["errors"][where] <= 1.0
    counts = np.array(result.matrices[ScoreKey("test", "SOD")])
    assert np.array_equal(np.sum(found["histograms"]["test"]["n"], axis=1), counts.sum(axis=0)), "pixels by their class"
    assert np.array_equal(np.sum(found["histograms"]["test"]["right"], axis=1), counts.diagonal())


def test_the_result_names_its_trial_and_its_cost(done: Done, tiny_lake: Lake, small_spec: TrialSpec) -> None:
    result, _, _ = done
    assert result.trial_id == small_spec.with_("data.lake", tiny_lake.digest).trial_id
    assert result.epochs == 2
    assert result.best_epoch in (0, 1)
    assert result.metrics["cost/parameters"] > 0
    assert result.metrics["cost/peak_memory_mib"] > 10
    assert result.metrics["cost/cpu_hours"] > 0
    assert (result.metrics["cost/gpu_hours"] > 0) is torch.cuda.is_available()
    assert result.versions["torch"] == torch.__version__
    assert TrialResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.slow
def test_a_trial_reads_the_catalog_once(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(url: str) -> bytes | None:
        asked.append(url.rpartition("/")[2])
        return read(url)

    for module in ("datasets.lake", "datasets.recipe_file"):
        monkeypatch.setattr(f"{module}.read", counted)
    spec = small_spec.with_all({"loop.batches_per_epoch": 1, "loop.max_epochs": 1})
    run_trial(spec, Lake.open(tiny_lake.url), MemoryTracker(), folder=tmp_path)
    assert asked == ["recipe.json", "catalog.parquet"]


def test_the_tracker_hears_of_epochs_scores_and_files(done: Done, tiny_lake: Lake) -> None:
    result, tracker, _ = done
    assert tracker.status == "FINISHED"
    assert tracker.spec is not None
    assert tracker.spec.trial_id == result.trial_id
    assert tracker.tags == {"recipe": tiny_lake.recipe_digest, "lake": tiny_lake.digest, "synthetic": "true"}
    assert [step for step, _ in tracker.metrics] == [0, 1, None], "one call per epoch and one for the scores"
    epoch = tracker.metrics[0][1]
    assert {"lr", "train/loss", "val/loss", "val/f1", "val/accuracy", "train/patches_per_second"} <= epoch.keys()
    assert {"val/score", "train/data_wait_share", "train/bytes_per_patch"} <= epoch.keys()
    assert [(note.context, note.scenes, note.recipe) for note in tracker.datasets] == [
        (context, len(tiny_lake.catalog().split(context)), tiny_lake.recipe_digest)  # type: ignore[arg-type]
        for context in ("train", "val", "test")
    ]
    assert tracker.metrics[-1][1] == result.metrics
    assert TrialSpec.from_yaml(tracker.texts["spec.yaml"]) == tracker.spec
    tested = tiny_lake.catalog().split("test").scene_ids
    maps = [f"maps/{scene_id}{end}" for scene_id in tested for end in ("_SOD.png", ".npz")]
    assert sorted(tracker.files) == sorted(
        [
            "checkpoint/best.pt",
            "figures/confusion_test_80m_SOD.png",
            "figures/confusion_test_SOD.png",
            "figures/curves.png",
            "figures/reliability_SOD.png",
            "result.json",
            "scores_per_scene.csv",
            "calibration.json",
            *maps,
        ]
    )


def test_the_checkpoint_gives_the_scores_again(done: Done, tiny_lake: Lake) -> None:
    result, _, folder = done
    assert result.checkpoint == str(folder / "best.pt")
    checkpoint = load_checkpoint(folder / "best.pt")
    assert checkpoint.epoch == result.best_epoch
    model, data, total = checkpoint.model(), checkpoint.spec.data, ConfusionMatrix.zero(6)
    reader = SceneReader(tiny_lake, ratio=data.ratio, channels=data.channels, targets=data.targets, cache=None)
    assemble = Assembler(checkpoint.normalization, ratio=data.ratio, device=torch.device("cpu"))
    for scene_id in tiny_lake.catalog().split("test").scene_ids:
        lines, samples = (slice(0, length) for length in reader.shape(scene_id))
        x = SceneInputs(reader, scene_id, assemble, torch.device("cpu")).window(lines, samples)
        predicted = outputs_of(model, x[None])[0].argmax(dim=0).byte().numpy()
        total += ConfusionMatrix.from_arrays(tiny_lake.scene(scene_id).whole(data.ratio, ["SOD"])["SOD"], predicted, 6)
    assert total.to_lists() == result.matrices[ScoreKey("test", "SOD")]
    assert json.loads((folder / "result.json").read_text())["metrics"] == result.metrics


@pytest.mark.slow
def test_the_same_spec_gives_the_same_numbers(
    done: Done, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    torch.rand(17)  # what happened before in the process must not matter
    again = run_trial(small_spec, tiny_lake, MemoryTracker(), folder=tmp_path)
    assert scores(again) == scores(done[0])
    assert again.matrices == done[0].matrices
    first, second = load_checkpoint(done[2] / "best.pt").state, load_checkpoint(tmp_path / "best.pt").state
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_another_seed_gives_other_numbers(done: Done, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    other = run_trial(small_spec.with_("seed", 1), tiny_lake, MemoryTracker(), folder=tmp_path)
    assert other.trial_id != done[0].trial_id
    assert other.metrics["best/val_loss"] != done[0].metrics["best/val_loss"]


@pytest.mark.slow
def test_loader_processes_do_not_change_the_numbers(
    done: Done, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = small_spec.with_("loop.max_epochs", 1)
    alone = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "a")
    helped = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "b", workers=2)
    assert scores(helped) == scores(alone)


@pytest.mark.slow
def test_progress_and_deterministic_mode_are_those_of_the_trial(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    seen: list[TrainingProgress] = []
    modes: set[bool] = set()

    def progress(state: TrainingProgress) -> None:
        seen.append(state)
        modes.add(torch.are_deterministic_algorithms_enabled())

    spec = small_spec.with_("loop.max_epochs", 1).with_("evaluation.fixed_ratio", None)
    begun: list[TrialOverview] = []
    scored: list[tuple[str, int, int]] = []
    result = run_trial(
        spec,
        tiny_lake,
        MemoryTracker(),
        folder=tmp_path,
        begin=begun.append,
        progress=progress,
        scored=lambda *state: scored.append(state),
    )
    assert len(seen) == 3 + 1
    (overview,) = begun
    assert (overview.trial_id, overview.patches_per_epoch) == (result.trial_id, 3 * 4)
    assert overview.scenes == {split: len(tiny_lake.catalog().split(split)) for split in ("train", "val", "test")}
    assert overview.parameters == overview.trainable_parameters == result.metrics["cost/parameters"]
    assert result.metrics["cost/trainable_parameters"] == result.metrics["cost/parameters"]
    totals = {"val": overview.scenes["val"], "test": 3}
    assert scored == [(split, done + 1, total) for split, total in totals.items() for done in range(total)]
    assert modes == {True}
    assert not torch.are_deterministic_algorithms_enabled()
    assert not any(name.startswith("test_") for name in result.metrics)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["SIC", "FLOE"])
def test_the_other_charts_are_trainable(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, target: str) -> None:
    spec = small_spec.with_("loop.max_epochs", 1).with_("data.targets", [target])
    result = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path)
    assert len(result.matrices[ScoreKey("test", target)]) == {"SIC": 11, "FLOE": 7}[target]


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("data.lake", "other", SpecError),
        ("data.ratio", 3, SpecError),
        ("evaluation.fixed_ratio", 3, SpecError),
        ("data.train.location", "cat4", SplitError),
        ("model.name", "unet3", UnknownNameError),
        ("model.params", {"depth": 3}, SpecError),
    ],
)
def test_what_does_not_fit_is_said_before_anything_starts(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, path: str, value: object, error: type[Exception]
) -> None:
    if path == "data.train.location":
        assert not tiny_lake.catalog().split("train").where(location="cat4")
    tracker = MemoryTracker()
    with pytest.raises(error):
        run_trial(small_spec.with_(path, value), tiny_lake, tracker, folder=tmp_path / "new")
    assert tracker.spec is None
    assert not (tmp_path / "new").exists()


def test_a_batch_that_is_smaller_than_its_processes_is_refused(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "current", lambda: Processes(rank=0, world=5))
    with pytest.raises(SpecError, match=r"loop\.batch_size = 4 is not allowed with 5 processes"):
        run_trial(small_spec, tiny_lake, MemoryTracker())


def test_a_batch_too_small_for_batch_norm_is_found_before_anything_starts(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = small_spec.with_("loop.batch_size", 1).with_("model.params.filters", [4, 4, 4, 4])
    with pytest.raises(SpecError, match="cannot train on batches of 1 patch of 16 pixels"):
        run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_trial_that_goes_astray_is_failed_with_its_error(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    tracker = MemoryTracker()
    astray = small_spec.with_("optimizer.lr", 1e38).with_("optimizer.name", "sgd")
    with pytest.raises(NonFiniteLossError, match=r"lower optimizer\.lr"):
        run_trial(astray, tiny_lake, tracker, folder=tmp_path)
    assert tracker.status == "FAILED"
    assert "NonFiniteLossError" in tracker.texts["error.txt"]
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.slow
def test_an_interrupted_trial_is_killed(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    def interrupt(state: TrainingProgress) -> None:
        raise KeyboardInterrupt

    tracker = MemoryTracker()
    with pytest.raises(KeyboardInterrupt):
        run_trial(small_spec, tiny_lake, tracker, folder=tmp_path, progress=interrupt)
    assert tracker.status == "KILLED"


def test_a_tracker_that_dies_does_not_hide_the_error(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    class Dying(MemoryTracker):
        def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
            raise TrackingError("the first error")

        def log_text(self, text: str, name: str) -> None:
            if name == "error.txt":
                raise TrackingError("the second error")

    with pytest.raises(TrackingError, match="the first error"):
        run_trial(small_spec, tiny_lake, Dying(), folder=tmp_path)


@pytest.mark.slow
def test_a_trial_that_cannot_be_recorded_takes_no_folder(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    tracker = MlflowTracker(fresh_database(tmp_path), "x", outbox=tmp_path / "file")
    with pytest.raises(OutboxError, match="cannot be written"):
        run_trial(small_spec, tiny_lake, tracker, folder=tmp_path / "trial")
    assert not (tmp_path / "trial").exists()


def test_a_trial_in_mlflow(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    study = StudyTracker.open(f"sqlite:///{tmp_path}/m.db", study="s", lake=tiny_lake.digest)
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id)
    result = run_trial(small_spec.with_("loop.max_epochs", 1), tiny_lake, tracker, folder=tmp_path / "trial")
    metrics = finished_trials(study)[result.trial_id]
    assert metrics["test/f1"] == pytest.approx(result.metrics["test/f1"])
    assert metrics["val/loss"] == pytest.approx(result.metrics["best/val_loss"])
    artifacts = tmp_path / "mlartifacts" / tracker.run_id / "artifacts"
    assert load_checkpoint(artifacts / "checkpoint" / "best.pt").spec.trial_id == result.trial_id
    assert (artifacts / "figures" / "confusion_test_SOD.png").is_file()
    assert (artifacts / "model" / "MLmodel").is_file()


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import torch
    from datasets.lake import Lake
    from training.spec import TrialSpec
    from training.tracking.tracker import MemoryTracker
    from training.trial import run_trial

    torch.set_num_threads(1)
    def kill(state):
        if state.epoch == 2 and state.batch == 2 and state.row is None:
            os.kill(os.getpid(), signal.SIGKILL)
    run_trial(TrialSpec.from_file(Path(sys.argv[1])), Lake.open(sys.argv[2]), MemoryTracker(),
              folder=Path(sys.argv[3]), progress=kill)
"""


@pytest.mark.slow
def test_a_killed_trial_goes_on_and_ends_with_the_same_numbers(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = small_spec.with_all({"loop.max_epochs": 4, "augment.flip_lines": 0.5, "augment.rotate": 0.5})
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    arguments = [str(tmp_path / "spec.yaml"), tiny_lake.url, str(tmp_path / "killed")]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), *arguments], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert (tmp_path / "killed" / LAST).is_file()
    shutil.copytree(tmp_path / "killed", tmp_path / "mixed")
    tracker, trained = MemoryTracker(), []
    resumed = run_trial(
        spec,
        tiny_lake,
        tracker,
        folder=tmp_path / "killed",
        progress=lambda state: trained.append(state.epoch),
    )
    assert set(trained) == {2, 3}, "whole epochs are not trained again"
    assert [step for step, _ in tracker.metrics] == [0, 1, 2, 3, None], "the record of the new attempt is whole"
    whole = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "whole")
    assert scores(resumed) == scores(whole)
    assert resumed.matrices == whole.matrices
    first, second = (load_checkpoint(tmp_path / name / BEST).state for name in ("killed", "whole"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not (tmp_path / "killed" / LAST).exists()

    best = load_checkpoint(tmp_path / "mixed" / BEST)
    save_checkpoint(tmp_path / "mixed" / BEST, replace(best, epoch=best.epoch - 1))
    begun: list[int] = []

    def stop(state: TrainingProgress) -> None:
        begun.append(state.epoch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "mixed", progress=stop)
    assert begun == [0], "weights of an older epoch, as of an attempt that was cut off, are not scored as the best"


@pytest.mark.slow
def test_a_folder_of_another_trial_is_refused(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    def stop(state: object) -> None:
        if getattr(state, "row", None) is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(small_spec, tiny_lake, MemoryTracker(), folder=tmp_path, progress=stop)
    tracker = MemoryTracker()
    with pytest.raises(TrialFolderError, match="give every trial a folder of its own"):
        run_trial(small_spec.with_("seed", 5), tiny_lake, tracker, folder=tmp_path)
    assert tracker.spec is None
    (tmp_path / "spec.yaml").unlink()
    with pytest.raises(CheckpointError, match="give every trial a folder of its own"):
        run_trial(small_spec.with_("seed", 5), tiny_lake, tracker, folder=tmp_path)
    assert tracker.spec is None


@pytest.mark.slow
def test_the_cache_changes_no_number(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    cache = NodeCache(folder=tmp_path / "cache", max_bytes=1 << 28)
    kept = run_trial(small_spec, tiny_lake, MemoryTracker(), folder=tmp_path / "a", cache=cache)
    assert cache.used_bytes() > 0
    assert scores(kept) == scores(run_trial(small_spec, tiny_lake, MemoryTracker(), folder=tmp_path / "b"))


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"data.patch_size": 64}, SplitError, "larger than every training scene at ratio 10"),
        ({"data.task": "patch"}, SpecError, "'unet' is a pixel-based network"),
        ({"data.task": "patch", "model": {"name": "cnn"}}, SplitError, "is a patch with one class of SOD"),
        ({"model": {"name": "no.such.module:Net"}}, SpecError, "no.such.module"),
        ({"model.pretrained": "/nowhere/weights.pth"}, SpecError, "/nowhere/weights.pth"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, changes: dict[str, object], error: type, sentence: str
) -> None:
    tracker = MemoryTracker()
    with pytest.raises(error, match=sentence):
        run_trial(small_spec.with_all(changes), tiny_lake, tracker, folder=tmp_path / "new")
    assert tracker.spec is None
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("training.loop.trainer.Trainer.train_epoch", "to train .*lower loop.batch_size .4. or data.patch_size .16."),
        ("training.fit.validate", "to score a val scene .*lower evaluation.tile"),
    ],
)
def test_a_full_gpu_is_one_sentence_by_what_it_was_doing(
    fails: str, said: str, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has ...")

    monkeypatch.setattr(fails, full)
    tracker = MemoryTracker()
    with pytest.raises(DeviceMemoryError, match=said):
        run_trial(small_spec.with_("loop.batches_per_epoch", 1), tiny_lake, tracker, folder=tmp_path)
    assert tracker.status == "FAILED"
