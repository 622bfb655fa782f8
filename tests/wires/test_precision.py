"""float16 scales the loss, so that small gradients are not lost; nothing else does."""

from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from tests.wires.recording import record
from tests.wires.test_selection import SPEC
from training.loop.checkpoint import load_progress, save_progress

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
