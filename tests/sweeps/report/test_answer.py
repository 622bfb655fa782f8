"""Sentences: the best, what is told apart from it, and what to be wary of."""

import re

from sweeps.report.answer import answers, warnings
from sweeps.report.cells import CellComparison
from tests.sweeps.report.unfinished_study import DESIGN, evidence


def test_answers_name_the_best_and_what_is_told_apart_from_it() -> None:
    said = answers(CellComparison(evidence()))
    assert re.match(r"Best is ratio 2 \(80 m\): \d\d\.\d ± \d\.\d % \(weighted F1, 80 m grid; 2 seeds\)\.", said[0])
    assert said[1].startswith("Worse by one seed alone: ratio 5 (200 m) (−")
    assert "% points, interval −" in said[1]


def test_what_to_be_wary_of() -> None:
    few = warnings(CellComparison(evidence(n_scenes=3)))
    assert any(
        each.startswith("One seed has no spread") and "ratio 5 (200 m); ratio 10 (400 m)" in each for each in few
    )
    assert any(each.startswith("3 test scenes are too few") for each in few)
    whole = DESIGN.model_copy(update={"seeds": (0,), "trials": 3})
    assert not any("too few" in each for each in warnings(CellComparison(evidence(design=whole))))
    lost = evidence(design=DESIGN.model_copy(update={"objective": "best/val_loss"}))
    assert answers(CellComparison(lost)) == ["No finished trial has best/val_loss: there is nothing to compare yet."]
