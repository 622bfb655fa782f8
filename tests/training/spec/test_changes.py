"""Changes of a spec as they are typed."""

import pytest

from training.spec import SpecError, TrialSpec
from training.spec.changes import parse_changes


def test_values_are_read_as_yaml() -> None:
    given = ["data.ratio=5", "model.params.filters=[4, 8]", " loop.compile = true", "model.name=smp:unet", "x=a=b"]
    found = parse_changes([*given, "model.pretrained=null"])
    assert found == {
        "data.ratio": 5,
        "model.params.filters": [4, 8],
        "loop.compile": True,
        "model.name": "smp:unet",
        "x": "a=b",
        "model.pretrained": None,
    }
    found.pop("x")
    assert TrialSpec().with_all(found).data.ratio == 5


@pytest.mark.parametrize(
    ("change", "sentence"), [("data.ratio", "is not NAME=VALUE"), ("data.ratio=[1", "has a value that is no YAML")]
)
def test_what_is_no_change_is_one_sentence(change: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        parse_changes([change])
