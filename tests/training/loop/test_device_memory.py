"""A GPU without memory: one sentence."""

import pytest
import torch

from datasets.errors import IceBenchError
from training.loop.device_memory import DeviceMemoryError, memory_of, to_score, to_train
from training.spec import TrialSpec

GPU = torch.device("cuda", 0)
SAID = (
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.15 GiB of which 1.13 GiB is "
    "free. Including non-PyTorch memory, this process has 78.01 GiB memory in use."
)


@pytest.fixture(autouse=True)
def _full_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1 << 30, 80 << 30))


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


@pytest.mark.parametrize("text", ["CUDA error: out of memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"])
def test_libraries_below_torch_say_it_in_words_of_their_own(text: str) -> None:
    assert "(1.00 of 80.00 GiB are free)" in said(RuntimeError(text))


def test_a_gpu_that_answers_nothing_is_no_second_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: torch.device) -> tuple[int, int]:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    assert "how much is free is not known" in said(torch.OutOfMemoryError(SAID))


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_of(GPU, "train", ""):
        raise RuntimeError("shapes do not fit")


def test_what_to_lower_follows_the_spec() -> None:
    spec = TrialSpec()
    assert "loop.batch_size (16) or data.patch_size (256)" in to_train(spec)
    assert "bfloat16" not in to_train(spec.with_("loop.precision", "bfloat16"))
    assert to_train(spec.with_("loop.precision", "float32")).endswith("or set loop.precision=bfloat16")
    assert to_score(spec) == "lower evaluation.tile (1024)"
    assert "tile" not in to_score(spec.with_("data.task", "patch"))
