"""A GPU without memory: one sentence."""

import pytest
import torch

from datasets.errors import IceBenchError
from training.loop.device_memory import DeviceMemoryError, free_memory, memory_of, to_score, to_train
from training.spec import TrialSpec

GPU = torch.device("cuda", 0)
SAID = (
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.15 GiB of which 1.13 GiB is "
    "free. Including non-PyTorch memory, this process has 78.01 GiB memory in use."
)


@pytest.fixture(autouse=True)
def _full_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 1 << 30)


def free(monkeypatch: pytest.MonkeyPatch, nbytes: int) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (nbytes, 80 << 30))


def said(error: Exception, remedy: str = "lower it") -> str:
    with pytest.raises(DeviceMemoryError) as raised, memory_of(GPU, "train", remedy):
        raise error
    assert isinstance(raised.value, IceBenchError)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_sentence_names_what_was_asked_for_what_is_free_and_what_to_do() -> None:
    assert said(torch.OutOfMemoryError(SAID)) == (
        "the GPU has no memory left to train (2.50 GiB were asked for, 1.00 of 80.00 GiB are free): lower it, or free "
        "it from other work"
    )


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: out of memory",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "FIND was unable to find an engine to execute this computation after trying 8 plans.",
        "backend='inductor' raised:\nOutOfMemoryError: CUDA out of memory.",
    ],
)
def test_libraries_below_torch_say_it_in_words_of_their_own(text: str) -> None:
    assert "(1.00 of 80.00 GiB are free)" in said(RuntimeError(text))


def test_a_gpu_that_answers_nothing_is_no_second_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: torch.device) -> tuple[int, int]:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    assert "how much is free is not known" in said(torch.OutOfMemoryError(SAID))


def test_words_on_a_gpu_with_room_are_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 70 << 30)
    assert "the machine has no page-locked memory left to train (70.00 of" in said(
        RuntimeError("CUDA error: out of memory")
    )
    assert said(torch.OutOfMemoryError(SAID)).startswith("the GPU has no memory")
    with pytest.raises(RuntimeError, match="engine"), memory_of(GPU, "train", ""):
        raise RuntimeError("GET was unable to find an engine to execute this computation")


def test_what_the_process_no_longer_uses_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray gives the next trial to the process of the one before."""
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: free(monkeypatch, 60 << 30))
    assert free_memory(GPU) == (60 << 30, 80 << 30)


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_of(GPU, "train", ""):
        raise RuntimeError("shapes do not fit")


def test_what_to_lower_follows_the_spec() -> None:
    spec = TrialSpec()
    assert "loop.batch_size (16) or data.patch_size (256)" in to_train(spec)
    assert "bfloat16" not in to_train(spec.with_("loop.precision", "bfloat16"))
    assert to_train(spec.with_("loop.precision", "float32")).endswith("or set loop.precision=bfloat16")
    assert to_train(spec).startswith("set loop.feed=loader (it is auto)")
    assert to_train(spec.with_("loop.feed", "loader")).startswith("lower loop.batch_size")
    assert to_score(spec) == "lower evaluation.tile (1024)"
    assert "tile" not in to_score(spec.with_("data.task", "patch"))
