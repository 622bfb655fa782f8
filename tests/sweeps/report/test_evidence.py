"""Which attempts count, and under which labels."""

import pytest

from sweeps.report.evidence import collect
from tests.invented_studies import result, scenes, study, trial_row
from tests.sweeps.report.unfinished_study import RATIOS, parent


def test_the_newest_finished_attempt_counts() -> None:
    rows = [
        trial_row({"data.ratio": "2"}, 0, "FINISHED", attempt=0),
        trial_row({"data.ratio": "2"}, 0, "FINISHED", attempt=1),
        trial_row({"data.ratio": "2"}, 0, "KILLED", attempt=2),
        trial_row({"data.ratio": "2"}, 1, "FAILED", attempt=0),
        trial_row({"data.ratio": "2"}, 1, "RUNNING", attempt=1),
    ]
    found = collect(parent(), "u", rows, {})
    assert [trial.row.run_id for trial in found.finished] == ["run-2-0-1"]
    assert [(trial.row.run_id, trial.attempts) for trial in found.unfinished] == [("run-2-1-1", 2)]
    assert (found.lost_attempts, found.lost_hours) == (3, 3.0)


def test_a_trial_need_not_lie_on_every_axis() -> None:
    design = RATIOS.model_copy(update={"axes": {"task": ("pixel", "patch"), "data.stride": ("50",)}, "trials": 2})
    rows = [
        trial_row({"task": "pixel", "data.stride": ""}, 0),
        trial_row({"task": "patch", "data.stride": "50"}, 0, task="patch"),
    ]
    found = collect(parent(design), "u", rows, {})
    assert found.keys == (("pixel", ""), ("patch", "50"))
    assert found.task_of == {("pixel", ""): "pixel-based", ("patch", "50"): "patch-based"}


def test_two_tasks_without_an_axis_for_them_are_kept_apart() -> None:
    rows = [
        trial_row({"data.ratio": "2"}, 0),
        trial_row({"data.ratio": "2"}, 1, task="patch").model_copy(update={"trial_id": "other"}),
    ]
    found = collect(parent(), "u", rows, {})
    assert found.axes == ("task", "data.ratio")
    assert len({trial.key for trial in found.finished}) == 2


@pytest.mark.parametrize("word", ["patch", "classification"])
def test_rows_in_the_words_of_earlier_programs_are_of_the_same_task(word: str) -> None:
    rows = [trial_row({"data.ratio": "2"}, 0), trial_row({"data.ratio": "2"}, 1, task=word)]
    assert [trial.task for trial in collect(parent(), "u", rows, {}).finished] == ["pixel-based", "patch-based"]


def test_the_frame_has_a_row_a_finished_trial_with_all_metrics() -> None:
    made = study(RATIOS, lambda labels: 0.7, skip=lambda labels, seed: "FAILED" if seed else "", n_scenes=2)
    frame = collect(made[0], "u", made[1], made[2]).frame()
    assert frame["data.ratio"].tolist() == ["10", "2"]
    assert frame["seed"].tolist() == [0, 0]
    assert set(result(scenes(2), 0.7, 0).metrics) <= set(frame.columns)
