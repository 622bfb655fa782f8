"""What a run of a study is about to do, on a real lake."""

from dataclasses import replace

import pytest

from datasets.lake import Lake
from datasets.seasons import LOCATIONS
from sweeps.design.experiment import ExperimentError
from sweeps.design.scene_sets import trained_on
from sweeps.launch.plan import plan
from tests.sweeps.launch.small_study import SPEC, small_study
from training.data import trial_scenes
from training.spec import SpecError, TrialSpec


def test_trials_are_bound_to_the_lake_that_they_need(tiny_lake: Lake) -> None:
    axes = {"charts": {"max": {}, "mode": {"recipe.chart_reduction": "mode"}}}
    study = small_study(1, axes=axes)
    alone = plan(study, (tiny_lake,))
    assert [trial.labels["charts"] for trial, _ in alone.ready] == ["max"]
    (missing,) = alone.impossible
    assert missing.reason == "it needs a lake built with chart_reduction mode: give it as --lake"
    recipe = {**tiny_lake.recipe["recipe"], "chart_reduction": "mode"}
    other = Lake(tiny_lake.url, {**tiny_lake.recipe, "recipe": recipe, "digest": "another"})
    both = plan(study, (tiny_lake, other))
    assert not both.impossible
    assert [lake.recipe_digest for _, lake in both.ready] == [tiny_lake.recipe_digest, "another"]
    assert len({trial.spec.trial_id for trial, _ in both.ready}) == 2, "the same spec on another lake is another trial"


def test_a_lake_that_differs_in_more_than_what_is_asked_does_not_do(tiny_lake: Lake) -> None:
    study = small_study(1, axes={"charts": {"max": {}, "mode": {"recipe.chart_reduction": "mode"}}})
    recipe = {**tiny_lake.recipe["recipe"], "chart_reduction": "mode", "sar_mean": "power"}
    other = Lake(tiny_lake.url, {**tiny_lake.recipe, "recipe": recipe, "digest": "another"})
    assert len(plan(study, (tiny_lake, other)).impossible) == 1


def test_cells_without_scenes_are_named_and_the_rest_is_planned(tiny_lake: Lake) -> None:
    study = small_study(2, axes={"train.location": trained_on("location", LOCATIONS)})
    planned = plan(study, (tiny_lake,))
    there = {record.location for record in tiny_lake.catalog().split("train")}
    assert there < set(LOCATIONS), "the lake of this test lacks a location"
    assert {trial.labels["train.location"] for trial, _ in planned.ready} == there
    assert {each.trial.labels["train.location"] for each in planned.impossible} == set(LOCATIONS) - there
    assert {each.short for each in planned.impossible} == {"no train scenes"}
    assert len(planned.ready) + len(planned.impossible) == len(study.trials())


def test_scenes_are_chosen_once_for_trials_that_have_the_same(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[TrialSpec] = []
    real = trial_scenes._choose
    monkeypatch.setattr(trial_scenes, "_choose", lambda spec, lake: asked.append(spec) or real(spec, lake))
    changes = {
        "plain": {},
        "other patches": {"data.patch_size": 32},
        "share": {"data.scene_share": 0.5},
        "nothing": {"data.test.location": "cat4"},
        "nothing again": {"data.test.location": "cat4", "data.patch_size": 32},
    }
    planned = plan(small_study(3, axes={"what": changes}), (tiny_lake,))
    assert [(spec.data.scene_share, spec.data.test.location, spec.seed) for spec in asked] == [
        (1, None, 0),
        *((0.5, None, seed) for seed in range(3)),  # a share is drawn by the seed
        (1, "cat4", 0),
    ]
    assert len(planned.ready) == 9
    assert [each.short for each in planned.impossible] == ["no test scenes"] * 6


def test_a_ratio_that_the_lake_lacks_is_an_error_only_where_it_was_asked_for(tiny_lake: Lake) -> None:
    study = small_study(1, axes={"data.ratio": (10, 7)})
    assert plan(study.only(["data.ratio=10"]), (tiny_lake,), study=study).impossible_elsewhere == ()
    with pytest.raises(SpecError, match=r"data.ratio = 7 is not allowed"):
        plan(study, (tiny_lake,))


def test_nothing_to_train_is_an_error(tiny_lake: Lake) -> None:
    study = small_study(1, base=SPEC.with_("data.test.location", "cat4"))
    with pytest.raises(ExperimentError, match=r"no trial of study .small. can run .*cat4 has no test"):
        plan(study, (tiny_lake,))
    assert plan(replace(small_study(1)), (tiny_lake,)).ready
