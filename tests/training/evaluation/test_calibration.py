"""Calibration: by loops, by hand, and by networks whose confidence is known."""

import numpy as np
import pytest
import torch

from training.evaluation.calibration import (
    BINS,
    TEMPERATURES,
    ChartCalibration,
    Reliability,
    best_temperature,
    calibration_metrics,
    losses_of,
)


def logits_and_labels(n: int, too_sure: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (1, 3, n) whose probabilities at temperature `too_sure` are those that the labels (1, n) are drawn by."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, (n, 3))
    chances = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    labels = (rng.uniform(size=(n, 1)) > chances.cumsum(axis=1)).sum(axis=1).clip(max=2).astype(np.uint8)
    return torch.from_numpy(true.T[None] * too_sure), torch.from_numpy(labels[None])


@pytest.mark.parametrize("too_sure", [0.5, 1.0, 3.0])
def test_the_temperature_that_makes_a_network_honest_is_found(too_sure: float) -> None:
    logits, labels = logits_and_labels(40_000, too_sure)
    found = best_temperature(losses_of(logits, labels))
    assert found == pytest.approx(too_sure, rel=0.05)
    before, after = Reliability.of(logits, labels), Reliability.of(logits, labels, found)
    assert after.error < 0.02
    assert before.error > 3 * after.error or too_sure == 1.0
    assert np.array_equal(before.n.sum(axis=1), after.n.sum(axis=1)), "a temperature changes no class"


def test_counts_are_those_of_a_loop_and_pixels_without_label_do_not_count() -> None:
    logits, labels = logits_and_labels(500, 1.0)
    labels[0, ::7] = 255
    found = Reliability.of(logits, labels)
    n, right, sure = (np.zeros((3, BINS)) for _ in range(3))
    for place in range(500):
        if labels[0, place] == 255:
            continue
        chances = logits[0, :, place].softmax(dim=0)
        name, confidence = int(chances.argmax()), float(chances.max())
        where = name, min(int(confidence * BINS), BINS - 1)
        n[where] += 1
        right[where] += name == int(labels[0, place])
        sure[where] += confidence
    assert np.array_equal(found.n, n)
    assert np.array_equal(found.right, right)
    assert found.confidence == pytest.approx(sure)
    assert found.error == pytest.approx(np.abs(right.sum(axis=0) - sure.sum(axis=0)).sum() / n.sum())
    assert found.class_error[1] == pytest.approx(np.abs(right[1] - sure[1]).sum() / n[1].sum())


def test_parts_add_up_to_the_whole() -> None:
    logits, labels = logits_and_labels(900, 2.0)
    whole = Reliability.of(logits, labels)
    parts = Reliability.of(logits[..., :400], labels[..., :400]) + Reliability.of(logits[..., 400:], labels[..., 400:])
    assert np.array_equal(whole.n, parts.n)
    assert whole.confidence == pytest.approx(parts.confidence)
    assert np.isnan(Reliability.zero(3).error)
    assert np.isnan(Reliability.zero(3).class_error).all()


def test_a_minimum_at_an_end_is_taken_as_it_is_and_nothing_labelled_costs_nothing() -> None:
    assert best_temperature(np.arange(len(TEMPERATURES), dtype=float)) == TEMPERATURES[0]
    logits, labels = logits_and_labels(10, 1.0)
    of_nothing = losses_of(logits, torch.full_like(labels, 255))
    assert not of_nothing.any()
    assert best_temperature(of_nothing) == 1.0, "without a label nothing speaks for another"


def test_large_tiles_are_thinned_and_weigh_as_much() -> None:
    logits, labels = logits_and_labels(150_000, 1.0)
    whole = losses_of(logits, labels)
    parts = sum(
        losses_of(logits[..., start : start + 30_000], labels[..., start : start + 30_000])
        for start in range(0, 150_000, 30_000)
    )
    assert whole == pytest.approx(parts, rel=0.02)


def test_metrics_have_the_chart_in_their_name_but_for_the_first() -> None:
    own = ChartCalibration(temperature=1.5, errors={"val": 0.1, "test_scaled": 0.2}, class_errors={}, histograms={})
    assert calibration_metrics({"SOD": own, "FLOE": own}, "SOD") == {
        "calibration/temperature": 1.5,
        "calibration/ece_val": 0.1,
        "calibration/ece_test_scaled": 0.2,
        "calibration/FLOE/temperature": 1.5,
        "calibration/FLOE/ece_val": 0.1,
        "calibration/FLOE/ece_test_scaled": 0.2,
    }
