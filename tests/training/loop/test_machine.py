"""Where a network computes, and what its numbers come from."""

import pytest
import torch

from training.loop import machine
from training.loop.machine import DeviceError, best_device, sent, versions_of


def test_the_gpu_is_taken_where_there_is_one() -> None:
    assert best_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_the_cpu_is_taken_where_it_is_asked_for_and_a_gpu_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert best_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device("auto").type == "cpu"
    with pytest.raises(DeviceError, match=r"torch sees no GPU on .*, and one is asked for: ask for none"):
        best_device("gpu")


def test_torch_computes_on_the_cores_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        monkeypatch.setattr(machine, "usable_cores", lambda: 64)
        best_device()
        assert torch.get_num_threads() == 3, "fewer were asked for"
        monkeypatch.setattr(machine, "usable_cores", lambda: 2)
        best_device()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_versions_name_software_and_device() -> None:
    found = versions_of(torch.device("cpu"))
    assert set(found) == {"python", "torch", "numpy", "device", "threads"}
    assert all(found.values())
    assert (found["torch"], found["threads"]) == (torch.__version__, str(torch.get_num_threads()))


def test_values_are_sent_to_a_gpu_from_page_locked_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []

    class Values:
        def pin_memory(self) -> "Values":
            done.append("pinned")
            return self

        def to(self, device: torch.device, **how: bool) -> "Values":
            done.append((device.type, how))
            return self

    for kind in ("cuda", "cpu"):
        sent(Values(), torch.device(kind))  # type: ignore[arg-type]
    assert done == ["pinned", ("cuda", {"non_blocking": True}), ("cpu", {})]
