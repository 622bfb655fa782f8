"""A study of two ratios of which one trial failed, as its cells: for the tests of tables."""

from collections.abc import Mapping

from sweeps.record.design import StudyDesign
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import collect
from tests.invented_studies import study


def comparison(objective: str = "test_80m/f1", n_scenes: int = 8, **changes: object) -> CellComparison:
    values: dict[str, object] = {
        "question": "Does it?",
        "objective": objective,
        "axes": {"data.ratio": ("2", "10")},
        "seeds": (0, 1),
        "trials": 4,
        "bins": ("winter", "cat1", "cat4"),
    }
    design = StudyDesign.model_validate(values | changes)

    def skip(labels: Mapping[str, str], seed: int) -> str:
        return "FAILED" if labels["data.ratio"] == "10" and seed else ""

    made = study(design, lambda labels: 0.8 if labels["data.ratio"] == "2" else 0.6, n_scenes=n_scenes, skip=skip)
    return CellComparison(collect(made[0], "sqlite:///m.db", made[1], made[2]))
