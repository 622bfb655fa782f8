"""Sets of scenes as values of an axis."""

import pytest

from sweeps.design.catalogue import study
from sweeps.design.scene_sets import CRYO_SETS, EVERYWHERE, SCENES, SELECTION, trained_on
from training.spec import TrialSpec


def test_a_set_is_the_training_scenes_that_have_its_value() -> None:
    sets = trained_on("location", ["cat1", "cat4"])
    assert list(sets) == ["cat1", "cat4"]
    spec = TrialSpec().with_all(sets["cat4"])
    assert spec.data.train.location == "cat4"
    assert spec.data.val == spec.data.test == TrialSpec().data.test
    assert TrialSpec().with_all(EVERYWHERE["all"]) == TrialSpec()


def test_melt_freeze_and_the_scenes_of_either() -> None:
    found = {name: TrialSpec().with_all(changes).data.train.cryoseason for name, changes in CRYO_SETS.items()}
    assert found == {"melt": "melt", "freeze": "freeze", "both": "known"}


def test_controls_stand_beside_every_set_and_once_beside_all_scenes() -> None:
    trials, axes = study("regular_season").trials(), ("train.season", SELECTION, SCENES)
    cells = {tuple(trial.labels[axis] for axis in axes): trial.spec for trial in trials}
    one_season = {key[1:] for key in cells if key[0] == "winter"}
    assert one_season == {("source", "own"), ("source", "size-matched"), ("all", "own")}
    assert [key for key in cells if key[0] == "all"] == [("all", "all", "own")]
    control = cells["winter", "source", "size-matched"].data
    assert (control.train.season, control.size_matched, control.selection) == ("winter", True, "source")


@pytest.mark.parametrize("name", ["regular_season", "cryospheric_season_each_location", "transfer", "data_size"])
def test_every_cell_of_a_study_of_scenes_takes_the_same_number_of_steps(name: str) -> None:
    loops = {
        (spec.loop.batches_per_epoch, spec.loop.max_epochs, spec.loop.patience, spec.loop.batch_size)
        for spec in (trial.spec for trial in study(name).trials())
    }
    assert loops == {(500, 60, 60, 16)}
