"""What a trial trains on: the same for any number of processes; classes that it cannot learn are reported."""

import logging

import pytest
import torch

from datasets.errors import SplitError
from datasets.labels import SOD
from datasets.lake import Lake
from datasets.patches.crops import RandomCrops
from tests.training.data.trials import data_of, patches_of
from training.data.class_weights import class_weights
from training.data.training_batches import TrainingBatches, patch_source, warn_of_missing
from training.data.trial_data import TrialData
from training.loop.processes import Processes
from training.spec import SpecError, TrialSpec


def test_classes_that_no_training_patch_has_are_named(
    tiny_lake: Lake, small_spec: TrialSpec, caplog: pytest.LogCaptureFixture
) -> None:
    spec = patches_of(small_spec, **{"data.border_distance": 400.0})
    with caplog.at_level(logging.WARNING):
        data = data_of(tiny_lake, spec)
        source = patch_source(data)
        assert not caplog.messages, "whoever speaks for the trial tells"
        warn_of_missing(source)
    weights = class_weights(data.spec, data.scenes.train, source)["SOD"]
    absent = [name for name, weight in zip(SOD.classes, weights, strict=True) if weight == 0]
    assert caplog.messages == [f"no training patch is {' or '.join(absent)}: the network cannot learn it"]


@pytest.mark.slow
def test_pixel_based_crops_are_drawn_for_every_class_when_asked(
    tiny_lake: Lake, small_spec: TrialSpec, caplog: pytest.LogCaptureFixture
) -> None:
    plain = patch_source(data_of(tiny_lake, small_spec))
    assert isinstance(plain, RandomCrops)
    assert plain.anchors is None
    spec = small_spec.with_all({"data.balanced": True, "data.border_distance": 400.0})
    data = data_of(tiny_lake, spec)
    source = patch_source(data)
    assert isinstance(source, RandomCrops)
    assert source.anchors is not None
    assert source.anchors.side == spec.data.patch_size // 8
    reader, windows = data.inputs.reader, [source.patch(data.inputs.reader, 0, place)[0] for place in range(8)]
    assert windows == [patch_source(data).patch(reader, 0, place)[0] for place in range(8)]
    assert windows != [plain.patch(reader, 0, place)[0] for place in range(8)]
    warn_of_missing(source)
    assert all("data.balanced cannot look for it" in message for message in caplog.messages)
    assert bool(caplog.messages) == bool(source.anchors.absent)


def test_what_balanced_crops_cannot_be_is_one_sentence(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({"data.balanced": True, "data.border_distance": 1e7})
    with pytest.raises(SplitError, match=r"draws crops around squares of \d+ pixels .* have none \(none of"):
        patch_source(data_of(tiny_lake, spec))
    with pytest.raises(SpecError, match=r"looks for the classes of the lake's charts: leave data.dominance"):
        small_spec.with_all({"data.balanced": True, "data.dominance": 0.9})


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_the_processes_of_a_trial_augment_what_one_augments(tiny_lake: Lake, small_spec: TrialSpec, world: int) -> None:
    spec = small_spec.with_("augment", {"flip_lines": 0.5, "rotate90": 0.5, "rotate": 0.5, "scale": 0.5})
    whole_x, whole_y = second_batch(data_of(tiny_lake, spec), Processes())
    parts = [second_batch(data_of(tiny_lake, spec), Processes(rank, world)) for rank in range(world)]
    for rank, (x, y) in enumerate(parts):
        assert torch.equal(x, whole_x[rank::world])
        assert torch.equal(y, whole_y[rank::world])


def second_batch(data: TrialData, processes: Processes) -> tuple[torch.Tensor, torch.Tensor]:
    batches = TrainingBatches(data, patch_source(data), processes, 0)
    _, batch, *_ = batches.epoch(1)
    return batches.prepare(batch, 1, 1)
