"""Where the patches of a trial are cut out: decided by the memory that there is; without a trace in its numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from datasets.loading.resident import ResidentScenes
from tests.training.data.trials import data_of, patches_of
from training.data import feed
from training.data.feed import resident_sets
from training.data.trial_data import TrialData
from training.evaluation.result import TrialResult
from training.loop.device_memory import DeviceMemoryError
from training.loop.processes import Processes
from training.spec import SpecError, TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

ALONE = Processes()


def on_a_gpu(lake: Lake, spec: TrialSpec, monkeypatch: pytest.MonkeyPatch, *, free: int, total: int) -> TrialData:
    """Data for a GPU that nothing is put on."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, total))
    data = data_of(lake, spec)
    return replace(data, inputs=replace(data.inputs, device=torch.device("cuda", 0)))


def numbers_of(result: TrialResult) -> dict[str, float]:
    return {name: value for name, value in result.metrics.items() if not name.startswith("cost/")}


@pytest.mark.slow
@pytest.mark.parametrize("of", [lambda spec: spec, patches_of], ids=["pixel", "patch"])
def test_a_trial_is_the_same_from_loader_and_device(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, of: Callable[[TrialSpec], TrialSpec]
) -> None:
    spec, found, held = of(small_spec), {}, []
    for name in ("loader", "device"):
        tracker = MemoryTracker()
        result = run_trial(
            spec.with_("loop.feed", name),
            tiny_lake,
            tracker,
            folder=tmp_path / name,
            held=lambda done, total: held.append((done, total)),
        )
        found[name] = result.trial_id, numbers_of(result), result.matrices
    assert found["loader"] == found["device"]
    scenes = len(tiny_lake.catalog()) - len(tiny_lake.catalog().split("test"))
    assert held == [(done, scenes) for done in range(1, scenes + 1)], "only the device takes scenes, each once"


def test_a_device_that_fills_while_it_takes_the_scenes_is_one_sentence(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another trial may have taken the memory since it was looked at."""

    def full(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(ResidentScenes, "load", full)
    spec = small_spec.with_("loop.feed", "device")
    with pytest.raises(DeviceMemoryError, match=r"no memory left to hold the scenes \(2.00 GiB .*loop.feed=loader"):
        run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path)


def test_a_cpu_is_fed_by_loaders_unless_told_otherwise(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    assert resident_sets(data_of(tiny_lake, small_spec), ALONE) is None
    sets = resident_sets(data_of(tiny_lake, small_spec.with_("loop.feed", "device")), ALONE)
    assert sets is not None
    assert resident_sets(data_of(tiny_lake, small_spec.with_("loop.feed", "loader")), ALONE) is None


def test_a_gpu_holds_what_fits_beside_the_network(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = resident_sets(data_of(tiny_lake, small_spec.with_("loop.feed", "device")), ALONE)
    assert wanted is not None
    need, total = wanted.nbytes, 10 * wanted.nbytes

    def fits(free: int, share: float = 1.0) -> bool:
        data = on_a_gpu(tiny_lake, small_spec, monkeypatch, free=free, total=total)
        return resident_sets(data, ALONE, share=share) is not None

    assert fits(total)
    assert fits(need + total // 4)
    assert not fits(need + total // 4 - 1), "a quarter is for the network"
    assert fits(total, share=1 / 7)
    assert not fits(total, share=1 / 8), "a trial takes nothing of another trial's part"


def test_a_device_that_is_too_small_is_one_sentence(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec.with_("loop.feed", "device")
    data = on_a_gpu(tiny_lake, spec, monkeypatch, free=1000, total=10**9)
    with pytest.raises(SpecError, match=r"loop.feed = device is not possible: .* cuda:0 has 0.0 GB for them; use"):
        resident_sets(data, ALONE)
    monkeypatch.setattr(feed, "usable_memory", lambda: 1000)
    with pytest.raises(SpecError, match=r"cpu has 0.0 GB"):
        resident_sets(data_of(tiny_lake, spec), ALONE)
