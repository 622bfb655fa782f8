"""Studies of any axes, and what is in their figures: for the tests of figures."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from sweeps.record.design import StudyDesign
from sweeps.report.cells import CellComparison
from sweeps.report.drawing import Drawn
from sweeps.report.evidence import collect
from tests.invented_studies import study


def made(axes: Mapping[str, tuple[str, ...]], objective: str = "test_80m/f1", **changes: object) -> CellComparison:
    count = 1
    for values in axes.values():
        count *= len(values)
    fields: dict[str, object] = {
        "question": "Does it?", "objective": objective, "axes": axes, "seeds": (0, 1), "trials": 2 * count,
    }  # fmt: skip
    design = StudyDesign.model_validate(fields | changes)
    order = {value: place for values in axes.values() for place, value in enumerate(values)}
    parent, rows, results = study(
        design, lambda labels: 0.5 + 0.02 * sum(order[v] for v in labels.values() if v), n_scenes=12
    )
    return CellComparison(collect(parent, "u", rows, results))


def by_name(drawn: list[Drawn]) -> dict[str, Figure]:
    return {each.name: each.figure for each in drawn}


def ticks(axis: object) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]  # type: ignore[attr-defined]


def texts(figure: Figure) -> set[str]:
    return {text.get_text().replace("\n", " ") for panel in figure.axes for text in panel.texts}
