"""Pretrained weights are fitted to our channels and classes."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.training.models.built_networks import build, torchvision_state
from training.models import check_network
from training.models.weights import adapt
from training.spec import SpecError, TrialSpec


def test_kernels_are_repeated_over_the_channels_and_keep_their_sum() -> None:
    weight = torch.randn(4, 3, 7, 7)
    for channels in (1, 2, 3, 5, 16):
        assert adapt(weight, channels).shape == (4, channels, 7, 7)
    torch.testing.assert_close(adapt(weight, 6).sum(1), weight.sum(1))
    torch.testing.assert_close(adapt(weight, 16)[:, 15], weight[:, 0] * 3 / 16)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.parametrize("name", ["unet", "cnn"])
def test_networks_without_imagenet_weights_say_so(name: str) -> None:
    with pytest.raises(SpecError, match=f"there are no ImageNet weights for '{name}'"):
        build(name, "imagenet")


def test_networks_without_published_weights_say_so() -> None:
    with pytest.raises(SpecError, match="timm has no pretrained weights for 'timm:coatnet_0_224'"):
        build("timm:coatnet_0_224", "imagenet", "patch")


def test_weights_are_fitted_before_a_trial_starts(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pth")
    spec = TrialSpec().with_("model.pretrained", str(tmp_path / "weights.pth"))
    with pytest.raises(SpecError, match=r"do not fit 'unet': the file has no 'inlet.0.weight'"):
        check_network(spec)
