"""Studies as data: expansion, checks at definition, subsets, identities."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.design.axes import Together
from sweeps.design.experiment import Arm, Experiment, ExperimentError
from training.spec import TrialSpec

PIXEL = Arm(
    base=TrialSpec(),
    axes={"data.ratio": (2, 5), "optimizer.lr": (1e-3, 1e-4)},
    smoke={"loop.max_epochs": 1},
)
PATCH = Arm(
    base=TrialSpec.from_dict({"data": {"task": "patch"}, "model": {"name": "cnn"}}),
    axes={"data.ratio": (5, 10)},
)


def experiment(**changes: object) -> Experiment:
    options: dict[str, object] = {"name": "try", "question": "Does it?", "arms": {"pixel": PIXEL}}
    return Experiment(**(options | changes))  # type: ignore[arg-type]


def test_every_combination_once_with_every_seed() -> None:
    trials = experiment().trials()
    assert len(trials) == 20
    assert len({trial.spec.trial_id for trial in trials}) == 20
    assert trials[0].labels == {"task": "pixel", "data.ratio": 2, "optimizer.lr": 1e-3, "seed": 0}
    assert trials[0].name == "task=pixel data.ratio=2 optimizer.lr=0.001 seed=0"
    for trial in trials:
        assert trial.spec.data.ratio == trial.labels["data.ratio"]
        assert trial.spec.optimizer.lr == trial.labels["optimizer.lr"]
        assert trial.spec.seed == trial.labels["seed"]


@pytest.mark.parametrize(
    ("arm", "sentence"),
    [
        ({"axes": {"data.ration": (2,)}}, "did you mean 'data.ratio'"),
        ({"axes": {"data.ratio": ()}}, r"has the values \[\]: at least one"),
        ({"axes": {"data.ratio": (2, 2)}}, "each once"),
        ({"axes": {"data.ratio": (0,)}}, "data.ratio = 0 is not allowed"),
        ({"axes": {"data.targets": (("SOF",),)}}, "unknown chart 'SOF'"),
        ({"axes": {"loss": {"new": {"loss.names": "focal"}}}}, "did you mean 'loss.name'"),
        ({"smoke": {"loop.epochs": 1}}, "loop.epochs"),
        ({"smoke_axes": {"data.ratio": (0,)}}, "data.ratio = 0 is not allowed"),
    ],
)
def test_a_bad_study_cannot_be_defined(arm: dict[str, object], sentence: str) -> None:
    with pytest.raises(ExperimentError, match=sentence):
        experiment(arms={"pixel": replace(PIXEL, **arm)})  # type: ignore[arg-type]


def test_a_study_has_seeds_and_an_arm() -> None:
    with pytest.raises(ExperimentError, match="axis 'seed'"):
        experiment(seeds=())
    with pytest.raises(ExperimentError, match="has no arm: give it one of pixel, patch"):
        experiment(arms={})


def test_only_keeps_what_is_named() -> None:
    part = experiment().only(["data.ratio=5", "seed=0,2"])
    assert {trial.labels["data.ratio"] for trial in part.trials()} == {5}
    assert [trial.labels["seed"] for trial in part.trials()] == [0, 2, 0, 2]
    assert {t.spec.trial_id for t in part.trials()} < {t.spec.trial_id for t in experiment().trials()}


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        (["data.ratio"], "has no '='"),
        (
            ["data.ratoi=5"],
            "unknown axis of study try 'data.ratoi': known are task, data.ratio, optimizer.lr, seed; did you mean",
        ),
        (["data.ratio=3"], "unknown value of data.ratio in study try '3': known are 2, 5"),
        (["task=patch", "data.ratio=2"], "no trial of study 'try' has all of task=patch, data.ratio=2"),
    ],
)
def test_only_refuses_what_the_study_does_not_have(conditions: list[str], sentence: str) -> None:
    study = experiment(arms={"pixel": PIXEL, "patch": PATCH}) if len(conditions) > 1 else experiment()
    with pytest.raises(ExperimentError, match=sentence):
        study.only(conditions)


def test_tasks_have_axes_of_their_own() -> None:
    study = experiment(arms={"pixel": PIXEL, "patch": PATCH})
    assert study.labels()["data.ratio"] == ("2", "5", "10")
    assert [trial.spec.data.task for trial in study.of_task("patch").trials()] == ["patch"] * 10
    with pytest.raises(ExperimentError, match="has no patch-based trials: --task pixel"):
        experiment().of_task("patch")


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


def test_options_of_the_lake_are_no_part_of_the_spec() -> None:
    axes = {"charts": {"max": {}, "mode": {"recipe.chart_reduction": "mode"}}}
    trials = experiment(arms={"pixel": replace(PIXEL, axes=axes)}, seeds=(0,)).trials()
    assert [trial.recipe for trial in trials] == [{}, {"chart_reduction": "mode"}]
    assert trials[0].spec == trials[1].spec


def test_a_search_has_combinations_of_what_a_study_changes_one_at_a_time() -> None:
    axes = {"data.ratio": (2, 5), "loss": {"focal": {"loss.name": "focal"}}, "recipe.sar_mean": {"power": {}}}
    study = experiment(arms={"pixel": replace(PIXEL, axes=axes, crossed=False)}, seeds=(0,))
    assert study.arms["pixel"].choices() == {
        "data.ratio": {"2": {"data.ratio": 2}, "5": {"data.ratio": 5}},
        "loss": {"base": {}, "focal": {"loss.name": "focal"}},
    }
    drawn = study.searched("-random", 3)
    assert drawn.name == "try-random"
    assert len(drawn.trials()) == 3
    assert all(trial.labels.keys() == {"task", "data.ratio", "loss", "seed"} for trial in drawn.trials())


def test_values_of_several_axes_mean_something_together_or_are_no_cell() -> None:
    rules = (
        Together(labels={"data.ratio": (5, 10), "optimizer.lr": 1e-3}, changes={"data.patch_size": 64}),
        Together(labels={"data.ratio": 2, "optimizer.lr": 1e-3}),
    )
    axes = {"data.ratio": (2, 5, 10), "optimizer.lr": (1e-3, 1e-2)}
    arm = replace(PIXEL, axes=axes, together=rules, smoke={"data.patch_size": 32}, smoke_together=())
    study = experiment(arms={"pixel": arm}, seeds=(0,))
    sizes = {(t.labels["data.ratio"], t.labels["optimizer.lr"]): t.spec.data.patch_size for t in study.trials()}
    usual = arm.base.data.patch_size
    assert sizes == {(2, 1e-2): usual, (5, 1e-3): 64, (5, 1e-2): usual, (10, 1e-3): 64, (10, 1e-2): usual}
    assert len(study.smaller().trials()) == 6
    assert all(trial.spec.data.patch_size == 32 for trial in study.smaller().trials())
    assert len(study.searched("-random", 40).trials()) == 5


def test_optional_values_run_only_where_they_are_asked_for() -> None:
    arm = replace(PIXEL, axes={"data.ratio": (1, 2, 5)}, optional={"data.ratio": {1: "four times the pixels"}})
    study = experiment(arms={"pixel": arm}, seeds=(0,))
    assert [trial.labels["data.ratio"] for trial in study.trials()] == [2, 5]
    assert study.labels()["data.ratio"] == ("2", "5")
    assert [trial.labels["data.ratio"] for trial in study.only(["data.ratio=1,5"]).trials()] == [1, 5]
    assert [trial.labels["data.ratio"] for trial in study.only(["seed=0"]).trials()] == [2, 5]
    assert list(arm.choices()["data.ratio"]) == ["2", "5"]


def test_a_smoke_run_has_three_seeds_and_no_axis_that_is_left_out() -> None:
    arm = replace(PIXEL, smoke_axes={"optimizer.lr": ()})
    small = experiment(arms={"pixel": arm}).smaller()
    assert [trial.name for trial in small.trials()] == [
        f"task=pixel data.ratio={ratio} seed={seed}" for ratio in (2, 5) for seed in (0, 1, 2)
    ]
    assert [trial.labels["seed"] for trial in experiment(seeds=(7,)).smaller().trials()] == [7] * 4


def test_what_trials_draw_is_set_for_the_whole_study_and_changes_no_trial() -> None:
    study = experiment(arms={"pixel": PIXEL, "patch": PATCH})
    for shaped in (study.drawing("none"), study.with_seeds(2).drawing("none").of_task("patch")):
        assert {trial.spec.evaluation.maps for trial in shaped.trials()} == {"none"}
        assert {trial.trial_id for trial in shaped.trials()} <= {trial.trial_id for trial in study.trials()}
