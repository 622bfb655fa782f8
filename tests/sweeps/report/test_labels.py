"""Axes, values and the order of cells, by what rows and designs say."""

import pytest

from sweeps.record.design import LeftOut, StudyDesign
from sweeps.record.study import TrialRow
from sweeps.report.evidence import collect
from tests.invented_studies import trial_row
from tests.sweeps.report.unfinished_study import parent


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


def test_cells_come_in_the_order_of_the_design_with_strangers_behind() -> None:
    rows = [trial_row({"data.ratio": value}, 0) for value in ("5", "2", "10", "1")]
    assert collect(parent(), "u", rows, {}).keys == (("10",), ("2",), ("1",), ("5",))


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
