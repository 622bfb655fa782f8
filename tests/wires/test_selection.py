"""Which epoch is kept and scored, by what, and on which scenes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.catalog import Catalog
from datasets.labels import CHARTS
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.scene_inputs import SceneInputs
from datasets.loading.scene_reader import SceneReader
from tests.wires.recording import Recorded, Window, digest, record
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.score_checkpoint import score_checkpoint
from training.loop.checkpoint import Checkpoint, load_checkpoint
from training.loop.epoch import ValScores
from training.spec import TrialSpec

SPEC = TrialSpec.from_dict(
    {
        "data": {"ratio": 10, "patch_size": 16, "max_masked": 0.9},
        "model": {"name": "tests.wires.networks:Plain"},
        "optimizer": {"lr": 0.05, "schedule": "none"},
        "loop": {"batch_size": 4, "batches_per_epoch": 2, "max_epochs": 3, "precision": "float32"},
        "evaluation": {"fixed_ratio": None},
    }
)


def val(loss: float) -> ValScores:
    return ValScores(loss=loss, f1=0.5, f1_macro=0.5, accuracy=0.5, score=0.5)


@pytest.fixture(scope="module")
def best_is_second(wired_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recorded, Path]:
    """Three epochs, of which the second has the best val loss."""
    folder = tmp_path_factory.mktemp("trial")
    return record(SPEC, wired_lake, folder, given=[val(3.0), val(1.0), val(2.0)]), folder


def by_hand(
    checkpoint: Checkpoint, lake: Lake, scenes: Catalog, ratio: int, *, chart: str = "SOD", first: int = 0
) -> ConfusionMatrix:
    """Every scene in one piece through the network of a checkpoint, whose outputs of the chart begin at `first`."""
    n_classes = CHARTS[chart].n_classes
    data, total = checkpoint.spec.data, ConfusionMatrix.zero(n_classes)
    reader = SceneReader(lake, ratio=ratio, channels=data.channels, targets=data.targets, cache=None)
    assemble, model = Assembler(checkpoint.normalization, ratio=ratio, device=torch.device("cpu")), checkpoint.model()
    for scene_id in scenes.scene_ids:
        lines, samples = (slice(0, length) for length in reader.shape(scene_id))
        x = SceneInputs(reader, scene_id, assemble, torch.device("cpu")).window(lines, samples)
        with torch.inference_mode():
            classes = model(x[None])[0, first : first + n_classes].argmax(dim=0).byte().numpy()
        total += ConfusionMatrix.from_arrays(lake.scene(scene_id).whole(ratio, [chart])[chart], classes, n_classes)
    return total


def test_the_best_epoch_is_kept_and_not_the_last(best_is_second: tuple[Recorded, Path]) -> None:
    trial, folder = best_is_second
    assert [each.epoch for each in trial.kept] == [0, 1], "best.pt is written for a better epoch only"
    best = load_checkpoint(folder / "best.pt")
    assert (best.epoch, trial.result.best_epoch, trial.result.epochs) == (1, 1, 3)
    assert digest(best.state.values()) == digest(trial.weights[1].values())
    assert digest(best.state.values()) != digest(trial.weights[2].values())
    assert trial.result.metrics["best/val_loss"] == 1.0
    assert trial.result.metrics["best/epoch"] == 1.0


def test_test_scores_are_those_of_the_best_epoch(best_is_second: tuple[Recorded, Path], wired_lake: Lake) -> None:
    trial, folder = best_is_second
    test = wired_lake.catalog().split("test")
    best = load_checkpoint(folder / "best.pt")
    last = Checkpoint(spec=best.spec, normalization=best.normalization, epoch=2, state=trial.weights[2])
    of_best, of_last = (by_hand(each, wired_lake, test, 10) for each in (best, last))
    (scored,) = {str(rows) for key, rows in trial.result.matrices.items() if str(key) == "test/SOD/all"}
    assert str(of_best.to_lists()) == scored
    assert str(of_last.to_lists()) != scored, "the two epochs must differ for this test to say anything"
    again = score_checkpoint(folder / "best.pt", wired_lake)[1]
    assert again.matrices == trial.result.matrices
    assert (again.trained_on, again.tested_on) == (trial.result.trained_on, trial.result.tested_on)
    of_test = {name: value for name, value in trial.result.metrics.items() if name.startswith("test")}
    assert {name: value for name, value in again.metrics.items() if name.startswith("test")} == of_test


def test_each_split_is_used_for_its_purpose(best_is_second: tuple[Recorded, Path], wired_lake: Lake) -> None:
    trial, _ = best_is_second
    catalog = wired_lake.catalog()
    assert trial.wires.train_scenes == catalog.split("train").scene_ids
    assert {scene for batch in trial.wires.order for scene, _, _ in batch} <= {*catalog.split("train").scene_ids}
    assert {scene for (scene, _, _), _ in trial.wires.val} == {*catalog.split("val").scene_ids}
    assert {scene for (scene, _, _), _ in trial.wires.test} == {*catalog.split("test").scene_ids}
    assert [(note.context, note.scenes) for note in trial.tracker.datasets] == [
        (split, len(catalog.split(split)))  # type: ignore[arg-type]
        for split in ("train", "val", "test")
    ]
    assert {row.scene_id for row in trial.result.scenes} == {*catalog.split("test").scene_ids}


def covered(windows: list[tuple[Window, tuple[int, ...]]], scene_id: str, shape: tuple[int, int]) -> bool:
    """Whether the windows of a scene that were read show all of it."""
    seen = np.zeros(shape, bool)
    for (scene, line, sample), (height, width) in windows:
        if scene == scene_id:
            seen[line : line + height, sample : sample + width] = True
    return bool(seen.all())


@pytest.mark.parametrize("tile", [64, 1024])
def test_the_val_score_is_of_all_pixels_of_all_val_scenes(wired_lake: Lake, tmp_path: Path, tile: int) -> None:
    spec = SPEC.with_all({"data.ratio": 2, "loop.max_epochs": 1, "evaluation.tile": tile})
    trial = record(spec, wired_lake, tmp_path)
    val_scenes = wired_lake.catalog().split("val")
    for scene in val_scenes:
        assert covered(trial.wires.val, scene.scene_id, (scene.lines // 2, scene.samples // 2))
    assert len(trial.wires.val) == len(val_scenes) or tile == 64
    matrix = by_hand(load_checkpoint(tmp_path / "best.pt"), wired_lake, val_scenes, 2)
    (row,) = trial.history
    scores = matrix.metrics()
    assert row.val_f1 == pytest.approx(scores.f1, abs=1e-4)
    assert row.val_f1_macro == pytest.approx(scores.f1_macro, abs=1e-4)
    assert row.val_accuracy == pytest.approx(scores.accuracy, abs=1e-4)
    assert row.val_score == pytest.approx(scores.f1, abs=1e-4), "of one chart the AutoICE score is its own term"


def test_the_val_loss_is_the_mean_over_all_labelled_pixels(wired_lake: Lake, tmp_path: Path) -> None:
    trial = record(SPEC.with_("loop.max_epochs", 1), wired_lake, tmp_path)
    best, losses, count = load_checkpoint(tmp_path / "best.pt"), 0.0, 0
    data = best.spec.data
    reader = SceneReader(wired_lake, ratio=10, channels=data.channels, targets=data.targets, cache=None)
    assemble = Assembler(best.normalization, ratio=10, device=torch.device("cpu"))
    for scene_id in wired_lake.catalog().split("val").scene_ids:
        lines, samples = (slice(0, length) for length in reader.shape(scene_id))
        x = SceneInputs(reader, scene_id, assemble, torch.device("cpu")).window(lines, samples)
        truth = torch.from_numpy(reader.labels(scene_id, lines, samples).astype(np.int64))
        with torch.inference_mode():
            each = torch.nn.functional.cross_entropy(best.model()(x[None]), truth, ignore_index=255, reduction="sum")
        losses, count = losses + each.item(), count + int((truth != 255).sum())
    assert trial.history[0].val_loss == pytest.approx(losses / count, rel=1e-4)


@pytest.mark.parametrize(("losses", "rates"), [([3.0, 2.0, 1.0, 0.5], {0.05}), ([1.0, 2.0, 3.0, 4.0], {0.05, 0.025})])
def test_plateau_follows_the_val_loss(wired_lake: Lake, tmp_path: Path, losses: list[float], rates: set[float]) -> None:
    """Whatever becomes of the train loss, which is another one."""
    changes = {"optimizer.schedule": "plateau", "optimizer.plateau_epochs": 1, "optimizer.factor": 0.5}
    changes |= {"loop.max_epochs": 4}
    trial = record(SPEC.with_all(changes), wired_lake, tmp_path, given=[val(loss) for loss in losses])
    assert {round(lr, 6) for lr in trial.wires.lr} == rates
    assert [row.lr for row in trial.history] == trial.wires.lr[::2]


def test_patience_and_monitor_follow_the_val_score(wired_lake: Lake, tmp_path: Path) -> None:
    given = [
        ValScores(loss=loss, f1=f1, f1_macro=0.0, accuracy=0.0, score=score)
        for loss, f1, score in ((1.0, 0.1, 0.9), (2.0, 0.5, 0.5), (3.0, 0.4, 0.4), (4.0, 0.3, 0.3))
    ]
    changes = {"loop.patience": 2, "loop.max_epochs": 9}
    for monitor, best in (("loss", 0), ("f1", 1), ("score", 0)):
        spec = SPEC.with_all({**changes, "loop.monitor": monitor})
        result = record(spec, wired_lake, tmp_path / monitor, given=given).result
        assert (result.best_epoch, result.epochs) == (best, best + 3)
