"""The loss and the val scores of several charts, and the weights of classes, on their way into a trial."""

from collections import Counter
from pathlib import Path

import pytest
import torch

import training.fit
from datasets.labels import CHARTS
from datasets.lake import Lake
from tests.wires.recording import record
from tests.wires.test_selection import SPEC, by_hand
from training.evaluation.metrics import combined_score
from training.loop.checkpoint import load_checkpoint
from training.loop.losses import Loss


def test_balanced_weights_are_of_the_pixels_of_the_training_scenes(
    wired_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Loss] = []
    monkeypatch.setattr(training.fit, "Loss", lambda *given: taken.append(Loss(*given)) or taken[0])
    changes = {"loss.class_weights": "balanced", "data.targets": ["SOD", "FLOE"], "loop.max_epochs": 1}
    record(SPEC.with_all(changes), wired_lake, tmp_path)
    train = wired_lake.catalog().split("train")
    for chart in ("SOD", "FLOE"):
        pixels = sum((Counter(row.pixels[chart]) for row in train), Counter[int]())
        weights = taken[0]._class_weights[chart]
        labelled = [pixels[value] for value in range(CHARTS[chart].n_classes)]
        pulls = [weight * count for weight, count in zip(weights.tolist(), labelled, strict=True) if count]
        assert pulls == pytest.approx([pulls[0]] * len(pulls), rel=1e-4), "every class pulls alike"
        assert sum(pulls) == pytest.approx(sum(labelled), rel=1e-4)


def test_the_val_scores_of_several_charts_are_those_of_each(wired_lake: Lake, tmp_path: Path) -> None:
    spec = SPEC.with_all({"data.targets": ["SOD", "SIC", "FLOE"], "loop.max_epochs": 1})
    row = record(spec, wired_lake, tmp_path).history[0]
    best, val = load_checkpoint(tmp_path / "best.pt"), wired_lake.catalog().split("val")
    matrices, first = {}, 0
    for chart in spec.data.targets:
        matrices[chart] = by_hand(best, wired_lake, val, 10, chart=chart, first=first)
        first += CHARTS[chart].n_classes
    assert row.val_f1 == pytest.approx(matrices["SOD"].metrics().f1)
    assert row.val_accuracy == pytest.approx(matrices["SOD"].metrics().accuracy)
    assert row.val_score == pytest.approx(combined_score(matrices))
    assert matrices["SOD"].metrics().f1 != pytest.approx(matrices["FLOE"].metrics().f1)


def test_the_loss_of_a_batch_is_that_of_its_labels(wired_lake: Lake, tmp_path: Path) -> None:
    """Plain cross-entropy of the first batch, from what the network and the loss were given."""
    given: list[tuple[torch.Tensor, torch.Tensor]] = []
    with pytest.MonkeyPatch.context() as patch:
        sums = Loss.sums

        def watched(own: Loss, outputs: torch.Tensor, y: torch.Tensor) -> object:
            given.append((outputs.detach().clone(), y.clone()))
            return sums(own, outputs, y)

        patch.setattr(Loss, "sums", watched)
        trial = record(SPEC.with_("loop.max_epochs", 1), wired_lake, tmp_path)
    outputs, y = given[0]
    wanted = torch.nn.functional.cross_entropy(outputs, y[:, 0].long(), ignore_index=255)
    assert trial.wires.loss == pytest.approx(wanted.item(), rel=1e-5)
