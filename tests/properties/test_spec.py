import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.channels import CHANNELS
from training.spec import SpecError, TrialSpec

CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "data.lake": st.text("0123456789abcdef", max_size=12),
    "data.ratio": st.integers(1, 20),
    "data.channels": st.lists(st.sampled_from(list(CHANNELS)), min_size=1, max_size=5, unique=True),
    "data.targets": st.sampled_from([["SOD"], ["SIC"], ["FLOE", "SOD"]]),
    "data.max_masked": st.floats(0.0, 0.99),
    "data.test.season": st.sampled_from([None, "winter", "fall"]),
    "model.params.filters": st.lists(st.integers(1, 128), min_size=1, max_size=5),
    "optimizer.lr": st.floats(1e-7, 1.0),
    "optimizer.name": st.sampled_from(["adam", "adamw", "sgd"]),
    "loop.patience": st.integers(1, 99),
    "evaluation.fixed_ratio": st.sampled_from([None, 1, 2]),
    "seed": st.integers(0, 2**32 - 1),
}
changes = st.fixed_dictionaries({}, optional=CHANGES)


def changed(values: dict[str, Any]) -> TrialSpec:
    spec = TrialSpec()
    for path, value in values.items():
        spec = spec.with_(path, value)
    return spec


@pytest.mark.slow
@given(changes)
def test_yaml_and_json_read_back(values: dict[str, Any]) -> None:
    spec = changed(values)
    assert TrialSpec.from_yaml(spec.to_yaml()) == spec
    assert TrialSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert TrialSpec.from_yaml(spec.to_yaml()).trial_id == spec.trial_id


@given(changes, st.randoms())
def test_the_order_of_changes_does_not_matter(values: dict[str, Any], random: Random) -> None:
    shuffled = list(values.items())
    random.shuffle(shuffled)
    assert changed(dict(shuffled)).trial_id == changed(values).trial_id


@given(changes, changes)
def test_trials_are_equal_exactly_when_their_ids_are(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert (changed(a) == changed(b)) == (changed(a).trial_id == changed(b).trial_id)


@given(changes)
def test_with_changes_one_field_and_only_it(values: dict[str, Any]) -> None:
    before = TrialSpec()
    for path, value in values.items():
        after = before.with_(path, value).flat()
        assert after[path] == (json.dumps(value) if isinstance(value, list) else value)
        assert {k: v for k, v in after.items() if k != path} == {k: v for k, v in before.flat().items() if k != path}


def test_the_id_of_the_default_trial_is_stable() -> None:
    # A change here makes every finished trial unfinished: change a default only with that in mind.
    assert TrialSpec().trial_id == "ed4614ae9b45"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.ratoi", 5, "did you mean 'data.ratio'"),
        ("datta", 5, "did you mean 'data'"),
        ("data.ratio.x", 5, "data.ratio is a single value"),
        ("model.params.a.b", 5, "model.params is empty"),
        ("", 5, "unknown spec field ''"),
        ("data.ratio", 0, "data.ratio = 0 is not allowed"),
        ("data.train", {"seson": "fall"}, "did you mean 'data.train.season'"),
        ("data.train.season", "autumn", "'fall'"),
        ("data.channels", ["t2"], "did you mean 't2m'"),
        ("data.channels", [], "at least one"),
        ("data.channels", ["t2m", "t2m"], "named once"),
        ("data.targets", ["sod"], "unknown chart 'sod'"),
        ("optimizer.lr", float("inf"), "finite"),
        ("optimizer.name", "lion", "'adam', 'adamw' or 'sgd'"),
        ("model.params.x", float("nan"), "plain JSON"),
        ("model.params.x", {1, 2}, "plain JSON"),
        ("seed", -1, "seed = -1"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_sentence(path: str, value: object, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        TrialSpec().with_(path, value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "3", "data: {ratoi: 3}", "data: [", "[1, 2]"])
def test_text_that_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        TrialSpec.from_yaml(text)
    assert "\n" not in str(caught.value)


def test_a_spec_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrialSpec().data.ratio = 5  # type: ignore[misc]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no spec file"):
        TrialSpec.from_file(tmp_path / "x.yaml")
