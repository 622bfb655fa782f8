"""Sentences: the best, what is told apart from it, and what to be wary of."""

import re

import numpy as np

from sweeps.report.answer import answers, warnings
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import collect
from tests.invented_studies import result, scenes, trial_row
from tests.sweeps.report.unfinished_study import DESIGN, evidence, parent
from training.evaluation.bins import ScoreKey, sum_bins
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import metrics_of
from training.evaluation.result import scene_rows


def test_answers_name_the_best_and_what_is_told_apart_from_it() -> None:
    said = answers(CellComparison(evidence()))
    one = r"\d\d\.\d ± \d\.\d % \(%s, 80 m grid; 2 seeds\)"
    both = " and ".join(one.replace("%s", score) for score in ("weighted F1", "macro F1 over ice"))
    assert re.fullmatch(rf"Best by both scores is ratio 2 \(80 m\): {both}\.", said[0])
    assert said[1].startswith("By weighted F1, worse than the best, by one seed alone: ratio 5 (200 m), −")
    assert "% points, interval −" in said[1]
    assert said[2].startswith("By macro F1 over ice, worse than the best, by one seed alone: ratio 5 (200 m), −")


def two_networks(n_scenes: int) -> list[str]:
    """What is said of two of which each is best by one score."""
    rows, results = [], {}
    matrices = {  # one is good at water and never names old ice; the other is fair at all
        "a": [[90, 0, 0, 0, 0, 10], [0] * 6, [0] * 6, [0] * 6, [0] * 6, [10, 0, 0, 0, 0, 0]],
        "b": [[75, 0, 0, 0, 0, 25], [0] * 6, [0] * 6, [0] * 6, [0] * 6, [2, 0, 0, 0, 0, 8]],
    }
    for value, counts in matrices.items():
        scored = [(each, {ScoreKey("test_80m", "SOD"): ConfusionMatrix(np.array(counts))}) for each in scenes(n_scenes)]
        sums = sum_bins(scored)
        row = trial_row({"x": value}, 0)
        results[row.run_id] = result(scenes(n_scenes), 0.5, 0).model_copy(
            update={"matrices": {key: own.to_lists() for key, own in sums.items()}, "scenes": scene_rows(scored)}
        )
        rows.append(row.model_copy(update={"metrics": metrics_of(sums, ("SOD",))}))
    design = DESIGN.model_copy(update={"axes": {"x": ("a", "b")}, "seeds": (0,), "trials": 2, "bins": ()})
    return answers(CellComparison(collect(parent(design), "u", rows, results)))


def test_what_is_best_by_one_score_alone_and_classes_that_are_never_right_are_named() -> None:
    said = two_networks(8)
    assert said[0].startswith("Best is no single cell: by weighted F1 it is a, 8")
    assert "; by macro F1 over ice it is b, " in said[0]
    assert "a never names right, though test scenes have it: old ice." in said
    assert not any(sentence.startswith("b never") for sentence in said)


def test_too_few_scenes_make_a_sentence_too() -> None:
    words = "the best is neither better nor worse, since that cannot be decided ("
    start = f"By macro F1 over ice, against the reference, a, {words}"
    assert [each.startswith(start) for each in two_networks(3)].count(True) == 1


def test_what_to_be_wary_of() -> None:
    few = warnings(CellComparison(evidence(n_scenes=3)))
    assert any(
        each.startswith("One seed has no spread") and "ratio 5 (200 m); ratio 10 (400 m)" in each for each in few
    )
    assert any(each.startswith("Test scenes of 3 orbit passes cannot tell any difference apart") for each in few)
    assert "A score on fewer than 6 orbit passes has no interval." in few
    whole = DESIGN.model_copy(update={"seeds": (0,), "trials": 3})
    assert not any("orbit passes" in each for each in warnings(CellComparison(evidence(design=whole))))
    many = DESIGN.model_copy(update={"seeds": (0, 1)})
    assert any(
        each.startswith("Test scenes of 6 orbit passes cannot tell any difference apart, whatever the scores")
        and "which takes" in each
        for each in warnings(CellComparison(evidence(design=many, n_scenes=6)))
    )
    lost = evidence(design=DESIGN.model_copy(update={"objective": "best/val_loss"}))
    assert answers(CellComparison(lost)) == ["No finished trial has best/val_loss: there is nothing to compare yet."]
