"""Sets of scenes as values of an axis."""

from sweeps.design.scene_sets import CRYO_SETS, EVERYWHERE, trained_on
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
