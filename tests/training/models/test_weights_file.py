"""Where pretrained weights lie: digests, the caches of libraries, and never a connection."""

import hashlib
import socket
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.training.models.built_networks import build, torchvision_state
from training.models.weights import adapt
from training.spec import SpecError, Task

SETTINGS: list[tuple[str, Task, dict[str, object], str]] = [
    (
        "resnet50",
        "patch",
        {},
        r"put https://download.pytorch.org/.*resnet50-11ad3fa6.pth at '.*torch/hub",
    ),
    ("deeplabv3", "pixel", {}, r"resnet18-f37072fd.pth at '.*checkpoints/resnet18-f37072fd.pth'"),
    ("timm:resnet10t", "patch", {}, r"'model.safetensors' of 'timm/resnet10t.c3_in1k' is not in '.*hf/hub'"),
    ("smp:unet", "pixel", {}, r"run 'hf download smp-hub/resnet34.imagenet model.safetensors --revision"),
    ("smp:fpn", "pixel", {"encoder_name": "tu-resnet10t"}, r"'timm/resnet10t.c3_in1k' is not in"),
]


@pytest.fixture
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches of torch and Hugging Face without a file, and no connection to anywhere."""
    from huggingface_hub import constants

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))  # read from HF_HOME at import
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path


def test_a_digest_ties_the_trial_to_the_content(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(build("cnn").state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    build("cnn", f"{path}#{digest[:8]}")
    build("cnn", f"{path}#{digest.upper()}")
    with pytest.raises(SpecError, match=f"its SHA-256 begins with {digest[:8]}, wanted is 00000000"):
        build("cnn", f"{path}#00000000")


@pytest.mark.parametrize(("name", "task", "params", "message"), SETTINGS)
def test_weights_that_are_not_here_are_one_sentence_without_a_connection(
    name: str, task: Task, params: dict[str, object], message: str, empty_caches: Path
) -> None:
    import segmentation_models_pytorch  # noqa: F401 (its import is not what is timed)

    started = time.perf_counter()
    with pytest.raises(SpecError, match=rf"are never downloaded: .*{message}"):
        build(name, "imagenet", task, **params)
    assert time.perf_counter() - started < 2


def cached_on_hub(home: Path, url: str, state: dict[str, torch.Tensor]) -> Path:
    path = home / "torch" / "hub" / "checkpoints" / url
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    return path


def test_a_torn_file_in_the_cache_of_torch_is_found(empty_caches: Path) -> None:
    cached_on_hub(empty_caches, "resnet18-f37072fd.pth", torchvision_state("resnet18"))
    with pytest.raises(SpecError, match=r"is not the expected file: its SHA-256 begins with .*f37072fd"):
        build("deeplabv3", "imagenet")


def test_the_cache_of_torch_is_used(empty_caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.models import weights_file

    theirs = torchvision_state("resnet18")
    cached_on_hub(empty_caches, "resnet18-f37072fd.pth", theirs)
    monkeypatch.setattr(weights_file, "check_digest", lambda *_: None)  # the real file is too large for a test
    mine = build("deeplabv3", "imagenet").state_dict()
    assert torch.equal(mine["encoder.layer1.0.conv1.weight"], theirs["layer1.0.conv1.weight"])


def cached_on_hugging_face(home: Path, repository: str, revision: str, state: dict[str, torch.Tensor]) -> None:
    """Lays out a file as huggingface_hub's cache does."""
    repo = home / "hf" / "hub" / f"models--{repository.replace('/', '--')}"
    commit = revision if len(revision) == 40 else "0" * 40
    (repo / "snapshots" / commit).mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()}, repo / "snapshots" / commit / "model.safetensors"
    )


@pytest.mark.parametrize("name", ["timm:resnet10t", "smp:fpn"])
def test_the_cache_of_timm_is_used(name: str, empty_caches: Path) -> None:
    import timm

    theirs = timm.create_model("resnet10t").state_dict()
    cached_on_hugging_face(empty_caches, "timm/resnet10t.c3_in1k", "main", theirs)
    if name.startswith("timm"):
        mine = build(name, "imagenet", "patch").state_dict()
    else:
        model = build(name, "imagenet", "pixel", encoder_name="tu-resnet10t")
        mine = model.get_submodule("network.encoder.model").state_dict()
    torch.testing.assert_close(mine["conv1.0.weight"], adapt(theirs["conv1.0.weight"], 5))
    assert torch.equal(mine["layer3.0.conv1.weight"], theirs["layer3.0.conv1.weight"])


def test_the_cache_of_smp_is_used(empty_caches: Path) -> None:
    from segmentation_models_pytorch.encoders import encoders

    theirs = torchvision_state("resnet18")
    settings = encoders["resnet18"]["pretrained_settings"]["imagenet"]
    cached_on_hugging_face(empty_caches, settings["repo_id"], settings["revision"], theirs)
    model = build("smp:unet", "imagenet", "pixel", encoder_name="resnet18")
    mine = model.get_submodule("network.encoder").state_dict()
    torch.testing.assert_close(mine["conv1.weight"], adapt(theirs["conv1.weight"], 5))
    assert torch.equal(mine["layer3.0.conv1.weight"], theirs["layer3.0.conv1.weight"])
