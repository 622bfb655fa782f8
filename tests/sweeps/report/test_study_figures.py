"""Which figures a study gets."""

import pytest

from sweeps.report.cells import CellComparison
from sweeps.report.drawing import picture
from sweeps.report.evidence import collect
from sweeps.report.study_figures import against_figures, class_figures, main_figures
from tests.sweeps.report.drawn_cells import by_name, made


def test_each_task_has_its_figures() -> None:
    drawn = by_name(main_figures(made({"task": ("pixel", "patch"), "data.ratio": ("2", "5")})))
    assert list(drawn) == ["scores_pixel", "scores_patch"]
    assert drawn["scores_patch"].get_suptitle() == "patch-based"


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["best/val_loss", "test/f1_macro", "test_80m/winter/f1", "test/class/old_ice/f1"])
def test_every_objective_can_be_drawn(objective: str) -> None:
    own = made({"data.ratio": ("2", "5")}, objective)
    if objective == "best/val_loss":
        trials = own.evidence.finished
        rows = [t.row.model_copy(update={"metrics": {**t.metrics, objective: 0.5 + t.seed}}) for t in trials]
        results = {t.row.run_id: t.result for t in trials if t.result is not None}
        own = CellComparison(collect(own.evidence.study, "u", rows, results))
    drawn = [*main_figures(own), *against_figures(own), *class_figures(own)]
    assert drawn
    assert picture(drawn[0]).png.startswith(b"\x89PNG")
