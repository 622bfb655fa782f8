"""Which attempts count, under which labels, and what is missing."""

import pytest

from sweeps.record.design import LeftOut, StudyDesign
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow
from sweeps.report.account import missing_trials, open_table, state
from sweeps.report.evidence import collect
from tests.invented_studies import result, scenes, study, trial_row

DESIGN = StudyDesign(question="Does it?", objective="test/f1", axes={"data.ratio": ("10", "2")}, seeds=(0, 1), trials=4)


def parent(design: StudyDesign | None = DESIGN) -> StudyRow:
    return StudyRow(
        study="s", experiment_id="1", run_id="p", status="FINISHED", started=0, lake="l", question="Q?", design=design
    )


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
    assert [(trial.row.run_id, trial.attempts) for trial in found.open] == [("run-2-1-1", 2)]
    assert (found.lost_attempts, found.lost_hours) == (3, 3.0)


def test_cells_come_in_the_order_of_the_design_with_strangers_behind() -> None:
    rows = [trial_row({"data.ratio": value}, 0) for value in ("5", "2", "10", "1")]
    assert collect(parent(), "u", rows, {}).keys == (("10",), ("2",), ("1",), ("5",))


def test_missing_trials_are_named() -> None:
    rows = [trial_row({"data.ratio": "10"}, 0), trial_row({"data.ratio": "10"}, 1, "FAILED")]
    found = collect(parent(), "u", rows, {}, errors={"run-10-1-0": "NonFiniteLossError: loss is nan"})
    assert state(found) == (
        "1 of 4 trials finished; missing: ratio 10 (400 m) seed 1 (FAILED); ratio 2 (80 m) seed 0 (never started); "
        "ratio 2 (80 m) seed 1 (never started)"
    )
    table = open_table(found)
    assert table is not None
    assert table.rows == (("10 (400 m)", "1", "FAILED", "1", "NonFiniteLossError: loss is nan", "run-10-1-0"),)


def test_what_cannot_be_named_is_counted() -> None:
    searched = DESIGN.model_copy(update={"trials": 20})
    found = collect(parent(searched), "u", [trial_row({"data.ratio": "10"}, 0)], {})
    assert missing_trials(found) == ["19 more trials (never started)"]
    assert state(found) == "1 of 20 trials finished; missing: 19 more trials (never started)"


def test_a_long_list_of_missing_trials_is_cut_in_the_head_only() -> None:
    many = DESIGN.model_copy(update={"seeds": tuple(range(20)), "trials": 40})
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
    left = DESIGN.model_validate(
        DESIGN.model_dump() | {"trials": 2, "left_out": [{"cell": ("10",), "reason": "no test scenes"}]}
    )
    found = collect(parent(left), "u", [trial_row({"data.ratio": "2"}, 0), trial_row({"data.ratio": "2"}, 1)], {})
    assert state(found) == "2 of 2 trials finished"
    assert found.left_out == {("10",): "no test scenes"}
    assert ("10",) in found.keys


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ((("1",), ("5",)), ["1", "2", "5"]),  # in the order of the axis, so what is left out has a place there
        ((("5",), ("1",)), ["5", "1", "2"]),
    ],
)
def test_cells_that_are_left_out_stand_where_a_reader_looks_for_them(
    cells: tuple[tuple[str, ...], ...], shown: list[str]
) -> None:
    design = StudyDesign(
        question="Q?",
        objective="test/f1",
        axes={"data.ratio": ("1", "2", "5")},
        seeds=(0,),
        trials=2,
        cells=cells,
        left_out=(LeftOut(cell=("2",), reason="no test scenes"),),
    )
    assert [key[0] for key in collect(parent(design), "u", [], {}).keys] == shown


def test_a_trial_need_not_lie_on_every_axis() -> None:
    design = DESIGN.model_copy(update={"axes": {"task": ("pixel", "patch"), "data.stride": ("50",)}, "trials": 2})
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


def test_without_tags_and_design_axes_are_the_params_that_differ() -> None:
    def plain(ratio: str, seed: int) -> TrialRow:
        params = {"data.ratio": ratio, "model.name": "unet", "seed": str(seed), "data.lake": f"lake{seed}"}
        made = trial_row({"data.ratio": ratio}, seed)
        return made.model_copy(
            update={"tags": {"trial_id": made.trial_id}, "params": params, "metrics": {"test/f1": 0.5}}
        )

    rows = [plain(ratio, seed) for ratio in ("10", "2") for seed in (0, 1)]
    found = collect(parent(None), "u", rows, {})
    assert found.design.axes == {"data.ratio": ("2", "10")}
    assert (found.design.objective, found.design.seeds, found.design.trials) == ("test/f1", (0, 1), 4)
    assert [trial.seed for trial in found.trials_of(("2",))] == [0, 1]


def test_the_frame_has_a_row_a_finished_trial_with_all_metrics() -> None:
    made = study(DESIGN, lambda labels: 0.7, skip=lambda labels, seed: "FAILED" if seed else "", n_scenes=2)
    frame = collect(made[0], "u", made[1], made[2]).frame()
    assert frame["data.ratio"].tolist() == ["10", "2"]
    assert frame["seed"].tolist() == [0, 0]
    assert set(result(scenes(2), 0.7, 0).metrics) <= set(frame.columns)
