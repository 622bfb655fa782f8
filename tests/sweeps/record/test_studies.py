"""Studies found again in MLflow, with their design."""

from pathlib import Path

import pytest

from sweeps.record.design import StudyDesign
from sweeps.record.studies import list_studies, read_files, study_row
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database


def design(**changes: object) -> StudyDesign:
    values: dict[str, object] = {
        "question": "Does it?",
        "objective": "test/f1",
        "axes": {"data.ratio": ("2", "5"), "task": ("pixel", "patch")},
        "seeds": (0, 1),
        "trials": 8,
    }
    return StudyDesign.model_validate(values | changes)


def test_a_study_is_found_with_its_design_the_newest_lake_first(tmp_path: Path) -> None:
    uri = fresh_database(tmp_path)
    old = StudyTracker.open(uri, study="b", lake="l1", recipe="r1", question="Does it?", design=design())
    new = StudyTracker.open(uri, study="b", lake="l2")
    other = StudyTracker.open(uri, study="a", lake="l1")
    rows = list_studies(uri)
    assert [(row.study, row.lake, row.run_id) for row in rows] == [
        ("a", "l1", other.run_id),
        ("b", "l2", new.run_id),
        ("b", "l1", old.run_id),
    ]
    assert [row.design for row in rows] == [None, None, design()]
    assert rows[2] == study_row(old)
    assert rows[2].tracker(uri) == old
    assert (rows[2].recipe, rows[2].question) == ("r1", "Does it?")


@pytest.mark.slow
def test_opening_again_renews_the_design(tmp_path: Path) -> None:
    uri = fresh_database(tmp_path)
    StudyTracker.open(uri, study="s", lake="l", design=design())
    again = StudyTracker.open(uri, study="s", lake="l", design=design(trials=9))
    assert study_row(again).design == design(trials=9)
    unsaid = StudyTracker.open(uri, study="s", lake="l")
    assert study_row(unsaid).design == design(trials=9)


def test_a_design_too_long_for_a_tag_is_an_artifact(tmp_path: Path) -> None:
    long = design(cells=[(f"{number:050d}", "pixel") for number in range(200)], trials=400)
    study = StudyTracker.open(fresh_database(tmp_path), study="s", lake="l", design=long)
    assert study_row(study).design == long


def test_an_artifact_that_is_not_there_is_told(tmp_path: Path) -> None:
    study = StudyTracker.open(fresh_database(tmp_path), study="s", lake="l")
    study.log_table("a,b", "| a |")
    (there,) = read_files(study.tracking_uri, [(study.run_id, "table.csv")]).values()
    (gone,) = read_files(study.tracking_uri, [(study.run_id, "result.json")]).values()
    assert (there.text, there.problem) == ("a,b", "")
    assert gone.text is None
    assert "result.json" in gone.problem
