"""A record that people changed by hand: finished trials are found again, and never trained twice."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from sweeps.record.studies import list_studies, list_trials
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.server import TrackingError

NAME = "small"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return fresh_database(tmp_path)


@pytest.fixture
def client(uri: str) -> MlflowClient:
    return MlflowClient(uri)


def opened(uri: str, lake: str = "lake1") -> StudyTracker:
    return StudyTracker.open(uri, study=NAME, lake=lake)


def trained(parent: StudyTracker, *seeds: int, lake: str = "lake1") -> None:
    for seed in seeds:
        tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
        tracker.start(TrialSpec(seed=seed), {"lake": lake})
        tracker.finish("FINISHED")


def seeds_of(study: StudyTracker) -> list[str]:
    return sorted(row.tags["seed"] for row in study.children_rows() if row.status == "FINISHED")


def test_trials_of_a_deleted_parent_are_found_again_below_a_new_one(uri: str, client: MlflowClient) -> None:
    first = opened(uri)
    trained(first, 0, 1)
    other = opened(uri, "lake2")
    trained(other, 2, lake="lake2")
    client.delete_run(first.run_id)
    again = opened(uri)
    assert again.run_id != first.run_id
    assert seeds_of(again) == ["0", "1"]
    assert seeds_of(opened(uri, "lake2")) == ["2"], "those of another lake stay"


def test_a_child_that_was_deleted_is_trained_again(uri: str, client: MlflowClient) -> None:
    study = opened(uri)
    trained(study, 0, 1)
    client.delete_run(study.children_rows()[0].run_id)
    assert seeds_of(opened(uri)) == ["1"]


@pytest.mark.parametrize("tag", ["kind", "lake", "study"])
@pytest.mark.parametrize("value", ["edited", None])
def test_a_parent_whose_tag_was_edited_is_the_parent_again(
    tag: str, value: str | None, uri: str, client: MlflowClient
) -> None:
    first = opened(uri)
    trained(first, 0)
    if value is None:
        client.delete_tag(first.run_id, tag)
    else:
        client.set_tag(first.run_id, tag, value)
    again = opened(uri)
    assert (again.run_id, seeds_of(again)) == (first.run_id, ["0"])
    assert [row.lake for row in list_studies(uri)] == ["lake1"]


def test_of_two_parents_one_is_left_with_the_trials_of_both(uri: str, client: MlflowClient) -> None:
    """As after a deleted parent was restored by hand, when the study had gone on below another."""
    first = opened(uri)
    trained(first, 0)
    tags = {"kind": "study", "study": NAME, "lake": "lake1"}
    second = client.create_run(first.experiment_id, tags=tags).info.run_id
    trained(StudyTracker(tracking_uri=uri, study=NAME, experiment_id=first.experiment_id, run_id=second), 1)
    again = opened(uri)
    assert (again.run_id, seeds_of(again)) == (first.run_id, ["0", "1"])
    assert [row.run_id for row in list_studies(uri)] == [first.run_id]
    assert {row.trial_id for row in list_trials(uri)} == {TrialSpec(seed=seed).trial_id for seed in (0, 1)}


def test_trials_on_a_further_lake_stay_with_the_study_that_ran_them(uri: str) -> None:
    first = opened(uri)
    trained(first, 0)
    trained(first, 1, lake="lake2")  # as data_preparation does with --lake given twice
    assert seeds_of(opened(uri, "lake2")) == []
    assert seeds_of(opened(uri)) == ["0", "1"]


def test_a_renamed_experiment_is_named_and_no_other_one_is_made(uri: str, client: MlflowClient) -> None:
    first = opened(uri)
    trained(first, 0)
    client.rename_experiment(first.experiment_id, "mine")
    with pytest.raises(TrackingError, match="experiment 'mine', which was renamed: give it the name 'small' again"):
        opened(uri)
    assert client.get_experiment_by_name(NAME) is None
    assert seeds_of(opened(uri, "lake2")) == [], "another lake has nothing there"
