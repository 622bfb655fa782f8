"""A whole spec: parts that do not fit together, and files that are none. Its laws are in tests/properties."""

from pathlib import Path

import pytest

from training.spec import SpecError, TrialSpec


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
    with pytest.raises(SpecError, match="there is no spec file"):
        TrialSpec.from_file(path)
    path.write_text(TrialSpec(seed=3).to_yaml())
    assert TrialSpec.from_file(path) == TrialSpec(seed=3)
    path.write_text("data: [1")
    with pytest.raises(SpecError, match="the spec is no YAML"):
        TrialSpec.from_file(path)
