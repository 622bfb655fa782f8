"""What is missing, and what the finished trials cost."""

import pytest

from sweeps.record.design import LeftOut, StudyDesign
from sweeps.report.account import cost, cost_table, missing_trials, state, unfinished_table
from sweeps.report.evidence import collect
from tests.invented_studies import trial_row
from tests.sweeps.report.cells_of_ratios import comparison
from tests.sweeps.report.unfinished_study import RATIOS, parent


def test_missing_trials_are_named() -> None:
    rows = [trial_row({"data.ratio": "10"}, 0), trial_row({"data.ratio": "10"}, 1, "FAILED")]
    found = collect(parent(), "u", rows, {}, errors={"run-10-1-0": "NonFiniteLossError: loss is nan"})
    assert state(found) == (
        "1 of 4 trials finished; missing: ratio 10 (400 m) seed 1 (FAILED); ratio 2 (80 m) seed 0 (never started); "
        "ratio 2 (80 m) seed 1 (never started)"
    )
    table = unfinished_table(found)
    assert table is not None
    assert table.rows == (("10 (400 m)", "1", "FAILED", "1", "NonFiniteLossError: loss is nan", "run-10-1-0"),)


def test_what_cannot_be_named_is_counted() -> None:
    searched = RATIOS.model_copy(update={"trials": 20})
    found = collect(parent(searched), "u", [trial_row({"data.ratio": "10"}, 0)], {})
    assert missing_trials(found) == ["19 more trials (never started)"]
    assert state(found) == "1 of 20 trials finished; missing: 19 more trials (never started)"


def test_a_long_list_of_missing_trials_is_cut_in_the_head_only() -> None:
    many = RATIOS.model_copy(update={"seeds": tuple(range(20)), "trials": 40})
    found = collect(parent(many), "u", [], {})
    assert len(missing_trials(found)) == 40
    assert state(found).endswith("; and 28 more")


def test_a_task_that_nobody_started_is_one_line_and_no_rows() -> None:
    both = StudyDesign(
        question="Does it?",
        objective="test/f1",
        axes={"task": ("pixel", "patch"), "data.ratio": ("10", "2")},
        seeds=(0, 1),
        trials=6,
        cells=(("pixel", "10"), ("pixel", "2"), ("patch", "2")),
        left_out=(LeftOut(cell=("patch", "10"), reason="no test scenes"),),
    )
    rows = [trial_row({"task": "pixel", "data.ratio": value}, 0) for value in ("10", "2")]
    found = collect(parent(both), "u", rows, {})
    assert found.keys == (("pixel", "10"), ("pixel", "2"))
    assert state(found).startswith("2 of 6 trials finished; missing: every patch-based trial (2, never started); ")
    assert len(missing_trials(found)) == 3
    assert len(missing_trials(collect(parent(both), "u", [], {}))) == 6  # a study that did not begin misses all


def test_cells_that_are_left_out_are_not_missing() -> None:
    left = RATIOS.model_validate(
        RATIOS.model_dump() | {"trials": 2, "left_out": [{"cell": ("10",), "reason": "no test scenes"}]}
    )
    found = collect(parent(left), "u", [trial_row({"data.ratio": "2"}, 0), trial_row({"data.ratio": "2"}, 1)], {})
    assert state(found) == "2 of 2 trials finished"
    assert found.left_out == {("10",): "no test scenes"}
    assert ("10",) in found.keys


def test_cost_is_summed_over_trials() -> None:
    own = comparison()
    table = cost_table(own.evidence)
    assert table.header[1:4] == ("GPU-hours", "CPU-hours", "wall time [h]")
    assert table.rows[0][:4] == ("2 (80 m)", "3", "6", "3")
    assert table.rows[-1] == ("all", "4.5", "9", "4.5", "–", "–", "–", "3")
    assert cost(own.evidence.finished, "cost/gpu_hours") == pytest.approx(4.5)
    assert cost((), "cost/gpu_hours") != cost((), "cost/gpu_hours"), "NaN where not on record"
