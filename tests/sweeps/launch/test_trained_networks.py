"""What an attribution needs to be there: a network whose training has ended, and a method that can explain it."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from sweeps.design.experiment import ExperimentError
from sweeps.launch.plan import plan
from tests.sweeps.launch.explaining_study import explaining, keep
from tests.sweeps.launch.small_study import small_study

NETWORKS = {"plain": {}, "small": {"model.params": {"filters": [3, 3]}}}


def test_networks_that_are_not_trained_are_named(tiny_lake: Lake, tmp_path: Path) -> None:
    study = explaining(NETWORKS)
    with pytest.raises(
        ExperimentError, match=r"train it first: python sweeps/small.py --only model=plain --only seed=0"
    ):
        plan(study, (tiny_lake,), str(tmp_path))
    keep(tmp_path, study.only(["model=plain"]), tiny_lake)
    found = plan(study, (tiny_lake,), str(tmp_path))
    assert {trial.labels["model"] for trial, _ in found.ready} == {"plain"}
    assert [each.trial.labels["model"] for each in found.impossible] == ["small"] * 4
    keep(tmp_path, study.only(["seed=1"]), tiny_lake, "last.pt")
    found = plan(study, (tiny_lake,), str(tmp_path))
    assert {trial.labels["seed"] for trial, _ in found.ready} == {0}
    assert "has not ended (last.pt is there): finish it first" in found.impossible[1].reason


def test_trainings_of_the_same_campaign_are_waited_for(tiny_lake: Lake, tmp_path: Path) -> None:
    study = explaining({"plain": {}})
    trained = plan(small_study(2), (tiny_lake,), str(tmp_path)).ready
    found = plan(study, (tiny_lake,), str(tmp_path), {trial.trial_id for trial, _ in trained})
    assert len(found.ready) == 4


def test_a_method_that_cannot_handle_a_network_is_named(tiny_lake: Lake, tmp_path: Path) -> None:
    dense = {
        "model.name": "densenet121",
        "model.params": {},
        "data.task": "patch",
        "data.patch_size": 32,
    }  # its last ReLU is no layer
    study = explaining({"dense": dense}, ("deeplift", "feature_ablation"))
    keep(tmp_path, study, tiny_lake)
    found = plan(study, (tiny_lake,), str(tmp_path))
    assert {trial.labels["method"] for trial, _ in found.ready} == {"feature_ablation"}
    assert {each.trial.labels["method"] for each in found.impossible} == {"deeplift"}
    assert all(each.reason.startswith("DeepLIFT has no rule for ") for each in found.impossible)
