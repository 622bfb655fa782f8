"""What a study set out to do: its cells, and what makes a design one."""

import json

import pytest
from pydantic import ValidationError

from sweeps.record.design import StudyDesign, design_of
from tests.sweeps.design.test_experiment import PATCH, PIXEL, experiment


def design(**changes: object) -> StudyDesign:
    values: dict[str, object] = {
        "question": "Does it?",
        "objective": "test/f1",
        "axes": {"data.ratio": ("2", "5"), "task": ("pixel", "patch")},
        "seeds": (0, 1),
        "trials": 8,
    }
    return StudyDesign.model_validate(values | changes)


def test_expected_cells_are_the_product_if_it_makes_up_the_trials() -> None:
    assert design().expected_cells() == (("2", "pixel"), ("2", "patch"), ("5", "pixel"), ("5", "patch"))
    assert design(trials=7).expected_cells() == ()
    left = [{"cell": ("5", "patch"), "reason": "no test scenes"}]
    assert design(trials=6, left_out=left).expected_cells() == (("2", "pixel"), ("2", "patch"), ("5", "pixel"))
    assert design(trials=2, cells=[("5", "")]).expected_cells() == (("5", ""),)


@pytest.mark.parametrize(
    "changes",
    [
        {"cells": [("2",)]},
        {"left_out": [{"cell": ("2",), "reason": "x"}]},
        {"objective": ""},
        {"unheard": 1},
    ],
)
def test_a_design_hangs_together(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        design(**changes)


def test_a_value_goes_with_its_cells_and_their_trials() -> None:
    left = [{"cell": ("5", "patch"), "reason": "no test scenes"}]
    without = design(trials=6, left_out=left).without("data.ratio", "5")
    assert without.axes == {"data.ratio": ("2",), "task": ("pixel", "patch")}
    assert (without.trials, without.left_out) == (4, ())
    assert without.expected_cells() == (("2", "pixel"), ("2", "patch"))


def test_the_record_of_a_study_says_all_that_its_report_needs() -> None:
    study = experiment(arms={"pixel": PIXEL, "patch": PATCH}, bins=("winter",))
    design = design_of(study)
    assert design.axes["task"] == ("pixel", "patch")
    assert design.axes["data.ratio"] == ("2", "5", "10")
    assert design.trials == len(study.trials()) == 30
    assert (design.seeds, design.bins) == ((0, 1, 2, 3, 4), ("winter",))


def test_the_record_of_an_earlier_program_still_loads() -> None:
    now = design(bins=("winter",))
    assert StudyDesign.model_validate_json(json.dumps({**now.model_dump(mode="json"), "matrix": "data.ratio"})) == now
