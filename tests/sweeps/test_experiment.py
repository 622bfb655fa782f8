"""Studies as data: expansion, checks at definition, subsets, identities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.experiment import Experiment, ExperimentError
from training.spec import TrialSpec


def experiment(**changes: object) -> Experiment:
    options: dict[str, object] = {
        "name": "try",
        "question": "Does it?",
        "base": TrialSpec(),
        "axes": {"data.ratio": (2, 5), "optimizer.lr": (1e-3, 1e-4)},
        "seeds": (0, 1, 2),
        "objective": "test/f1",
        "smoke": {"loop.max_epochs": 1},
    }
    return Experiment(**(options | changes))  # type: ignore[arg-type]


def test_every_combination_once_with_every_seed() -> None:
    trials = experiment().trials()
    assert len(trials) == 12
    assert len({trial.spec.trial_id for trial in trials}) == 12
    assert trials[0].labels == {"data.ratio": 2, "optimizer.lr": 1e-3, "seed": 0}
    for trial in trials:
        assert trial.spec.data.ratio == trial.labels["data.ratio"]
        assert trial.spec.optimizer.lr == trial.labels["optimizer.lr"]
        assert trial.spec.seed == trial.labels["seed"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"axes": {"data.ration": (2,)}}, "did you mean 'data.ratio'"),
        ({"axes": {"data.ratio": ()}}, r"has the values \[\]: at least one"),
        ({"axes": {"data.ratio": (2, 2)}}, "each once"),
        ({"axes": {"data.ratio": (0,)}}, "data.ratio = 0 is not allowed"),
        ({"axes": {"data.targets": (("SOF",),)}}, "unknown chart 'SOF'"),
        ({"seeds": ()}, "axis 'seed'"),
        ({"smoke": {"loop.epochs": 1}}, "loop.epochs"),
    ],
)
def test_a_bad_study_cannot_be_defined(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ExperimentError, match=sentence):
        experiment(**changes)


def test_only_keeps_what_is_named() -> None:
    part = experiment().only(["data.ratio=5", "seed=0,2"])
    assert {trial.labels["data.ratio"] for trial in part.trials()} == {5}
    assert [trial.labels["seed"] for trial in part.trials()] == [0, 2, 0, 2]
    assert {t.spec.trial_id for t in part.trials()} < {t.spec.trial_id for t in experiment().trials()}


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("data.ratio", "has no '='"),
        ("data.ratoi=5", "unknown axis 'data.ratoi': known are data.ratio, optimizer.lr, seed; did you mean"),
        ("data.ratio=3", "unknown value of data.ratio '3': known are 2, 5"),
    ],
)
def test_only_refuses_what_the_study_does_not_have(condition: str, sentence: str) -> None:
    with pytest.raises(ExperimentError, match=sentence):
        experiment().only([condition])


@given(st.integers(1, 5), st.integers(1, 5))
def test_more_seeds_keep_the_trials_of_fewer(few: int, many: int) -> None:
    few, many = sorted((few, many))
    ids = [{trial.spec.trial_id for trial in experiment().with_seeds(count).trials()} for count in (few, many)]
    assert ids[0] <= ids[1]


def test_lake_and_smoke_make_other_trials() -> None:
    study = experiment()
    ids = [
        {trial.spec.trial_id for trial in trials}
        for trials in (study.trials(), [t.bound_to("abc") for t in study.trials()], study.smaller().trials())
    ]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]
    assert study.smaller().trials()[0].spec.loop.max_epochs == 1
    assert study.smaller().name == "try-smoke"
