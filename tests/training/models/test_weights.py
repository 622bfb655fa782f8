import hashlib
import socket
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from training.models import NETWORKS, build_model, check_network
from training.models.weights import adapt
from training.spec import ModelSpec, SpecError, Task, TrialSpec


def build(name: str, pretrained: str | None = None, task: Task | None = None, **params: object) -> nn.Module:
    task = task or NETWORKS[name].task
    return build_model(
        ModelSpec(name=name, params=params, pretrained=pretrained), task=task, in_channels=5, n_outputs=6
    )


def torchvision_state(name: str) -> dict[str, torch.Tensor]:
    import torchvision

    return dict(getattr(torchvision.models, name)(weights=None).state_dict())


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


def test_kernels_are_repeated_over_the_channels_and_keep_their_sum() -> None:
    weight = torch.randn(4, 3, 7, 7)
    for channels in (1, 2, 3, 5, 16):
        assert adapt(weight, channels).shape == (4, channels, 7, 7)
    torch.testing.assert_close(adapt(weight, 6).sum(1), weight.sum(1))
    torch.testing.assert_close(adapt(weight, 16)[:, 15], weight[:, 0] * 3 / 16)


@pytest.mark.parametrize(("suffix", "nested"), [(".pth", False), (".pth", True), (".safetensors", False)])
def test_a_file_is_loaded_and_adapted_and_its_head_left_out(suffix: str, nested: bool, tmp_path: Path) -> None:
    theirs = torchvision_state("resnet50")
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(theirs, path)
    else:
        torch.save({"state_dict": theirs, "epoch": 3} if nested else theirs, path)
    torch.manual_seed(1)
    fresh = build("resnet50").state_dict()
    torch.manual_seed(1)
    mine = build("resnet50", str(path)).state_dict()
    torch.testing.assert_close(mine["conv1.weight"], adapt(theirs["conv1.weight"], 5))
    assert torch.equal(mine["fc.weight"], fresh["fc.weight"])
    assert all(torch.equal(mine[name], theirs[name]) for name in mine if not name.startswith(("conv1", "fc")))


def test_the_first_layer_can_stay_random_as_published(tmp_path: Path) -> None:
    theirs = torchvision_state("densenet121")
    torch.save(theirs, tmp_path / "weights.pth")
    torch.manual_seed(1)
    fresh = build("densenet121").state_dict()
    torch.manual_seed(1)
    mine = build("densenet121", str(tmp_path / "weights.pth"), first_layer="random").state_dict()
    assert torch.equal(mine["features.conv0.weight"], fresh["features.conv0.weight"])
    assert torch.equal(mine["features.norm0.weight"], theirs["features.norm0.weight"])
    name = "features.denseblock1.denselayer1.conv1.weight"
    assert torch.equal(mine[name], theirs[name])


def test_the_old_names_of_densenet_files_are_understood(tmp_path: Path) -> None:
    theirs = torchvision_state("densenet121")
    old = {
        name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2.") if "denselayer" in name else name: tensor
        for name, tensor in theirs.items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "weights.pth")
    mine = build("densenet121", str(tmp_path / "weights.pth")).state_dict()
    name = "features.denseblock1.denselayer1.conv2.weight"
    assert torch.equal(mine[name], theirs[name])


def test_alexnet_takes_all_but_the_first_layer_and_the_head(tmp_path: Path) -> None:
    theirs = torchvision_state("alexnet")
    torch.save(theirs, tmp_path / "weights.pth")
    mine = build("alexnet", str(tmp_path / "weights.pth")).state_dict()
    assert mine["features.0.weight"].shape == (64, 5, 7, 7)
    assert torch.equal(mine["features.3.weight"], theirs["features.3.weight"])
    assert torch.equal(mine["classifier.4.weight"], theirs["classifier.4.weight"])


def test_resnet18_fits_the_encoder_of_deeplabv3_and_a_trial_the_whole(tmp_path: Path) -> None:
    theirs = torchvision_state("resnet18")
    torch.save(theirs, tmp_path / "resnet18.pth")
    model = build("deeplabv3", str(tmp_path / "resnet18.pth"))
    mine = model.state_dict()
    torch.testing.assert_close(mine["encoder.conv1.weight"], adapt(theirs["conv1.weight"], 5))
    assert torch.equal(mine["encoder.layer2.1.conv2.weight"], theirs["layer2.1.conv2.weight"])

    torch.save({"format": 1, "state": mine}, tmp_path / "best.pt")
    again = build("deeplabv3", str(tmp_path / "best.pt")).state_dict()
    assert torch.equal(again["fuse.0.weight"], mine["fuse.0.weight"])
    assert not torch.equal(again["head.weight"], mine["head.weight"])


def test_the_first_tensor_that_does_not_fit_is_named(tmp_path: Path) -> None:
    state = build("cnn").state_dict()
    path = tmp_path / "weights.pth"
    misfits = [
        (
            {**state, "features.1.0.weight": torch.zeros(8, 32, 3, 3)},
            r"'features.1.0.weight' is \[8, 32, 3, 3\] in",
        ),
        ({name: state[name] for name in list(state)[1:]}, "the file has no 'features.0.0.weight' .it begins with"),
        ({**state, "extra.weight": torch.zeros(2)}, "the network has no 'extra.weight'"),
        ({}, "it begins with 'nothing'"),
    ]
    for content, message in misfits:
        torch.save(content, path)
        with pytest.raises(SpecError, match=message):
            build("cnn", str(path))


@pytest.mark.parametrize(
    ("content", "suffix"), [(b"not a file of weights", ".pth"), (b"x" * 40, ".safetensors"), (b"", ".pth")]
)
def test_a_file_that_is_none_of_weights_is_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(SpecError, match="cannot be read as weights"):
        build("cnn", str(path))
    torch.save({"lr": 0.1}, tmp_path / "other.pth")
    with pytest.raises(SpecError, match="holds no tensors by name"):
        build("cnn", str(tmp_path / "other.pth"))


def test_a_digest_ties_the_trial_to_the_content(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(build("cnn").state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    build("cnn", f"{path}#{digest[:8]}")
    build("cnn", f"{path}#{digest.upper()}")
    with pytest.raises(SpecError, match=f"its SHA-256 begins with {digest[:8]}, wanted is 00000000"):
        build("cnn", f"{path}#00000000")


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


@pytest.mark.parametrize(("name", "task", "params", "message"), SETTINGS)
def test_weights_that_are_not_here_are_one_sentence_without_a_connection(
    name: str, task: Task, params: dict[str, object], message: str, empty_caches: Path
) -> None:
    import segmentation_models_pytorch  # noqa: F401 (its import is not what is timed)

    started = time.perf_counter()
    with pytest.raises(SpecError, match=rf"are never downloaded: .*{message}"):
        build(name, "imagenet", task, **params)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("name", ["unet", "cnn"])
def test_networks_without_imagenet_weights_say_so(name: str) -> None:
    with pytest.raises(SpecError, match=f"there are no ImageNet weights for '{name}'"):
        build(name, "imagenet")


def test_networks_without_published_weights_say_so() -> None:
    with pytest.raises(SpecError, match="timm has no pretrained weights for 'timm:coatnet_0_224'"):
        build("timm:coatnet_0_224", "imagenet", "patch")


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


def test_weights_are_fitted_before_a_trial_starts(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pth")
    spec = TrialSpec().with_("model.pretrained", str(tmp_path / "weights.pth"))
    with pytest.raises(SpecError, match=r"do not fit 'unet': the file has no 'inlet.0.weight'"):
        check_network(spec)
