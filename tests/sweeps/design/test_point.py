"""One trial of a study: its spec, its lake, its id."""

import pytest

from sweeps.design.point import point_of
from training.spec import SpecError, TrialSpec

LABELS = {"task": "pixel", "data.ratio": 5, "seed": 1}


def test_changes_go_to_the_spec_the_lake_and_the_attribution() -> None:
    trained = point_of(TrialSpec(), {"data.ratio": 5, "recipe.chart_reduction": "mode"}, LABELS, seed=1)
    assert (trained.spec.data.ratio, trained.spec.seed) == (5, 1)
    assert trained.recipe == {"chart_reduction": "mode"}
    assert trained.attribution is None
    assert trained.trial_id == trained.spec.trial_id
    assert trained.name == "task=pixel data.ratio=5 seed=1"

    explained = point_of(TrialSpec(), {"data.ratio": 5, "attribution.steps": 2}, LABELS, seed=1)
    assert explained.spec == trained.spec
    assert explained.attribution is not None
    assert (explained.attribution.steps, explained.attribution.seed) == (2, 1)
    assert explained.trial_id not in (trained.trial_id, "")


def test_another_lake_is_another_trial() -> None:
    point = point_of(TrialSpec(), {}, LABELS, seed=0)
    bound = point.bound_to("0123456789ab")
    assert bound.spec.data.lake == "0123456789ab"
    assert bound.trial_id != point.trial_id
    assert bound.labels == point.labels


def test_a_change_that_the_spec_refuses_is_an_error() -> None:
    with pytest.raises(SpecError, match=r"data.ratio"):
        point_of(TrialSpec(), {"data.ratoi": 5}, LABELS, seed=0)
