"""float16 scales the loss, so that small gradients are not lost; nothing else does. What val scores are taken in."""

from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from tests.wires.recording import Recorded, digest, record
from tests.wires.test_selection import SPEC, val
from training.evaluation.score_checkpoint import score_checkpoint
from training.loop.checkpoint import load_progress, save_progress
from training.loop.epoch import EpochRow, TrainingProgress
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

ONE_STEP = SPEC.with_all({"loop.max_epochs": 1, "loop.batches_per_epoch": 1, "optimizer.name": "sgd"})


@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_a_step_in_float16_is_that_of_float32(wired_lake: Lake, tmp_path: Path, clip_norm: float | None) -> None:
    spec = ONE_STEP.with_("optimizer.clip_norm", clip_norm)
    single, half = (
        record(spec.with_("loop.precision", precision), wired_lake, tmp_path / precision).weights[0]
        for precision in ("float32", "float16")
    )
    assert any(not torch.equal(single[name], half[name]) for name in single), "another precision, other digits"
    for name in single:
        torch.testing.assert_close(half[name], single[name], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(("precision", "scales"), [("float32", False), ("bfloat16", False), ("float16", True)])
def test_float16_alone_scales_the_loss_and_keeps_the_scale(
    wired_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, scales: bool
) -> None:
    losses: list[float] = []
    backward = torch.Tensor.backward

    def watched(tensor: torch.Tensor, *args: object, **kwargs: object) -> None:
        losses.append(tensor.item())
        backward(tensor, *args, **kwargs)  # type: ignore[arg-type, no-untyped-call]

    kept: list[dict[str, object]] = []

    def saved(path: Path, trial_id: str, state: object) -> None:
        save_progress(path, trial_id, state)  # type: ignore[arg-type]
        found = load_progress(path, trial_id)
        assert found is not None
        kept.append(found.scaler)

    monkeypatch.setattr(torch.Tensor, "backward", watched)
    monkeypatch.setattr("training.trial.save_progress", saved)
    trial = record(ONE_STEP.with_("loop.precision", precision), wired_lake, tmp_path)
    assert bool(kept[0]) is scales
    assert losses == [pytest.approx(trial.wires.loss * (65536.0 if scales else 1.0))]


UNET = {"loop.precision": "bfloat16", "model": {"name": "unet", "params": {"filters": [4, 4]}}}
HALF = {"loop.precision": "bfloat16", "loop.val_precision": "training"}


@pytest.fixture(scope="module")
def both(wired_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """One training, val scores after its epochs taken in either way."""
    spec = SPEC.with_all(UNET)
    return {
        way: record(spec.with_("loop.val_precision", way), wired_lake, tmp_path_factory.mktemp("trial"))
        for way in ("float32", "training")
    }


@pytest.mark.slow
def test_val_scores_of_the_training_are_in_its_precision_and_all_others_in_float32(both: dict[str, Recorded]) -> None:
    single, half = both["float32"], both["training"]
    assert (single.wires.val_types, single.result.val_precision) == (("float32",), "float32")
    assert (half.wires.val_types, half.result.val_precision) == (("bfloat16", "float32"), "bfloat16")
    assert single.wires.test_types == half.wires.test_types == ("float32",)


@pytest.mark.slow
def test_a_training_is_the_same_whatever_its_val_scores_are_taken_in(both: dict[str, Recorded]) -> None:
    single, half = both["float32"], both["training"]
    for one, other in zip(single.weights, half.weights, strict=True):
        assert digest(one.values()) == digest(other.values())
    losses = [[row.val_loss for row in each.history] for each in (single, half)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


@pytest.mark.slow
def test_what_is_told_of_the_chosen_epoch_is_float32(both: dict[str, Recorded]) -> None:
    single, half = both["float32"], both["training"]
    row = single.history[half.result.best_epoch]
    assert half.result.metrics["best/val_loss"] == pytest.approx(row.val_loss, rel=1e-6)
    assert half.result.metrics["best/val_f1"] == row.val_f1
    assert half.history[half.result.best_epoch].val_loss != row.val_loss, "its curve is of what chose"
    assert single.result.metrics["best/val_loss"] == single.history[single.result.best_epoch].val_loss


@pytest.mark.slow
def test_a_checkpoint_is_scored_in_float32_and_its_record_still_says_what_chose_it(
    both: dict[str, Recorded], wired_lake: Lake
) -> None:
    half = both["training"].result
    folder = Path(half.checkpoint).parent
    (folder / "result.json").write_text(half.model_dump_json(), encoding="utf-8")
    _, again = score_checkpoint(folder, wired_lake)
    assert again.val_precision == "bfloat16"
    assert (again.matrices, again.scenes) == (half.matrices, half.scenes)


@pytest.mark.slow
def test_test_scores_of_an_epoch_are_the_same_to_the_bit(wired_lake: Lake, tmp_path: Path) -> None:
    spec, given = SPEC.with_all(UNET), [val(2.0), val(1.0), val(3.0)]
    single, half = (
        record(spec.with_("loop.val_precision", way), wired_lake, tmp_path / way, given=given).result
        for way in ("float32", "training")
    )
    kept = [
        {name: value for name, value in each.metrics.items() if name.split("/")[0] not in ("best", "cost")}
        for each in (single, half)
    ]
    assert kept[0] == kept[1]
    assert "calibration/temperature" in kept[0]
    assert (single.matrices, single.scenes, single.best_epoch) == (half.matrices, half.scenes, half.best_epoch)
    assert single.trial_id != half.trial_id


@pytest.mark.slow
@pytest.mark.parametrize("model", [{"name": "tests.wires.networks:Plain"}, {"name": "floor:commonest"}])
def test_a_network_of_ones_own_and_a_floor_have_val_scores_too(
    model: dict[str, str], wired_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.trial.map_drawer", lambda *given: lambda score: [])
    monkeypatch.setattr("training.trial.write_trial_files", lambda *given: [])
    if "Plain" not in model["name"]:
        monkeypatch.setattr("training.trial.val_scores", lambda *given: pytest.fail("they were of float32 already"))
    spec = SPEC.with_all({"model": model, **HALF, "loop.max_epochs": 1})
    rows: list[EpochRow | None] = []
    result = run_trial(spec, wired_lake, MemoryTracker(), folder=tmp_path, progress=lambda told: rows.append(told.row))
    (row,) = filter(None, rows)
    assert result.metrics["best/val_loss"] == pytest.approx(row.val_loss, rel=1e-2 if "Plain" in model["name"] else 0)
    assert result.val_precision == ("bfloat16" if "Plain" in model["name"] else "float32"), "a floor has no epochs"


@pytest.mark.slow
def test_a_stopped_trial_goes_on_with_the_val_scores_of_its_training(
    both: dict[str, Recorded], wired_lake: Lake, tmp_path: Path
) -> None:
    def stop(told: TrainingProgress) -> None:
        if told.row is not None and told.epoch == 1:
            raise KeyboardInterrupt

    spec = SPEC.with_all({**UNET, "loop.val_precision": "training"})
    with pytest.raises(KeyboardInterrupt):
        run_trial(spec, wired_lake, MemoryTracker(), folder=tmp_path, progress=stop)
    rest, whole = record(spec, wired_lake, tmp_path), both["training"]
    assert [row.val_loss for row in rest.history] == [row.val_loss for row in whole.history]
    assert rest.result.metrics["best/val_loss"] == whole.result.metrics["best/val_loss"]
    assert rest.wires.scores == whole.wires.scores
    assert rest.wires.val_types == ("bfloat16", "float32")
