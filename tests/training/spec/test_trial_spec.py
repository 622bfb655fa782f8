"""A whole spec: parts that do not fit together, and files that are none. Its laws are in tests/properties."""

from pathlib import Path

import pytest

from training.spec import SpecError, TrialSpec
from training.spec.trial_spec import parse_changes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"loop.batches_per_epoch": None}, "loop.batches_per_epoch must be a number for pixel-based trials"),
        ({"data.task": "patch", "augment.cutmix": 0.5}, "augment.cutmix is for pixel-based trials"),
        ({"data.task": "patch", "loop.monitor": "score"}, "loop.monitor = 'score' is for pixel-based trials"),
        ({"data.task": "patch", "data.targets": ["SIC"], "loss.sic": "regression"}, "loss.sic = 'regression' is for"),
        ({"loss.class_weights": [1.0, 2.0]}, "one weight for each of the 6 classes of SOD"),
    ],
)
def test_parts_that_do_not_fit_together_are_named(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        TrialSpec().with_all(changes)


def test_parts_that_fit_only_together_change_together() -> None:
    changed = TrialSpec().with_all({"data.task": "patch", "loop.batches_per_epoch": None})
    assert (changed.data.task, changed.loop.batches_per_epoch) == ("patch", None)
    assert changed.flat()["data.task"] == "patch"


def test_a_file_reads_back_and_what_is_none_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    with pytest.raises(SpecError, match=r"there is no spec file .*: `python -m training run --show` prints one"):
        TrialSpec.from_file(path)
    path.write_text(TrialSpec(seed=3).to_yaml())
    assert TrialSpec.from_file(path) == TrialSpec(seed=3)
    with pytest.raises(SpecError, match=r"spec\.yml'.*--show` prints .*; did you mean '.*spec\.yaml'"):
        TrialSpec.from_file(tmp_path / "spec.yml")
    path.write_text("data: [1")
    with pytest.raises(SpecError, match="the spec is no YAML"):
        TrialSpec.from_file(path)


def test_strides_in_metres_are_whole_pixels_of_every_ratio() -> None:
    spec = TrialSpec().with_all({"data.stride_m": 8000.0, "evaluation.map_stride_m": 4000.0})
    assert [spec.with_("data.ratio", ratio).data.window_stride for ratio in (1, 2, 5, 10)] == [200, 100, 40, 20]
    assert [spec.with_("data.ratio", ratio).map_stride for ratio in (2, 5, 10)] == [50, 20, 10]
    assert spec.with_all({"data.ratio": 20, "data.stride_m": 1.0}).data.window_stride == 1
    plain = TrialSpec().with_("data.stride", 7)
    assert (plain.data.window_stride, plain.map_stride) == (7, 7)
    assert plain.with_("evaluation.map_stride", 3).map_stride == 3
    assert plain.with_("data.stride_m", 800.0).map_stride == 10


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
