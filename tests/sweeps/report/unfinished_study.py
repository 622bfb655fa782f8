"""A study with a failed trial and one that never started, with what would break a page: for the tests of pages."""

from collections.abc import Mapping

from sweeps.record.design import StudyDesign
from sweeps.record.studies import StudyRow
from sweeps.report.evidence import Evidence, collect
from tests.invented_studies import study

DESIGN = StudyDesign(
    question="Does <it> & 'that' help?",
    objective="test_80m/f1",
    axes={"data.ratio": ("2", "5", "10")},
    seeds=(0, 1),
    trials=6,
    bins=("winter", "cat4"),
)


def skip(labels: Mapping[str, str], seed: int) -> str:
    return {("5", 1): "FAILED", ("10", 1): "never"}.get((labels["data.ratio"], seed), "")


def evidence(uri: str = "http://mlflow:5000", design: StudyDesign = DESIGN, n_scenes: int = 12) -> Evidence:
    parent, rows, results = study(
        design, lambda labels: 1.0 - 0.05 * float(labels["data.ratio"]), n_scenes=n_scenes, skip=skip
    )
    return collect(parent, uri, rows, results, errors={"run-5-1-0": "RuntimeError: <script>alert(1)</script>"})


RATIOS = StudyDesign(question="Does it?", objective="test/f1", axes={"data.ratio": ("10", "2")}, seeds=(0, 1), trials=4)


def parent(design: StudyDesign | None = RATIOS) -> StudyRow:
    return StudyRow(
        study="s", experiment_id="1", run_id="p", status="FINISHED", started=0, lake="l", question="Q?", design=design
    )
