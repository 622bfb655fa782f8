"""Which data a trial is made of, and what it cannot be made of."""

import pytest
from pydantic import ValidationError

from datasets.errors import UnknownNameError
from training.spec import DataSpec
from training.spec.data import task_word


def test_the_first_target_is_the_one_of_unprefixed_scores() -> None:
    assert DataSpec(targets=("FLOE", "SOD")).primary == "FLOE"
    assert [task_word(word) for word in ("segmentation", "classification", "pixel", 3)] == [
        "pixel",
        "patch",
        "pixel",
        3,
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"channels": ["t2m", "t2m"]}, "channels must be named once each"),
        ({"channels": []}, "at least one"),
        ({"targets": ["SOD", "SOD"]}, "targets must be named once each"),
        ({"task": "patch", "targets": ["SOD", "SIC"]}, "a patch-based trial has one target"),
        ({"patch_size": 8}, "greater than or equal to 16"),
    ],
)
def test_what_cannot_be_trained_on_is_named(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        DataSpec.model_validate(fields)


@pytest.mark.parametrize(("fields", "near"), [({"channels": ["t2"]}, "t2m"), ({"targets": ["SOF"]}, "SOD")])
def test_unknown_names_get_the_nearest(fields: dict[str, object], near: str) -> None:
    with pytest.raises((UnknownNameError, ValidationError), match=near):
        DataSpec.model_validate(fields)
