from collections.abc import Mapping
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import timm
import torch

from datasets.errors import UnknownNameError
from training.models import build_model
from training.models.weights import adapt
from training.spec import ModelSpec, SpecError


def build(name: str, params: Mapping[str, object] | None = None, pretrained: str | None = None) -> torch.nn.Module:
    spec = ModelSpec(name=name, params=dict(params or {}), pretrained=pretrained)
    return build_model(spec, task="pixel", in_channels=5, n_outputs=6)


@pytest.mark.parametrize("size", [(37, 53), (1, 2), (224, 96)])
@pytest.mark.parametrize("architecture", [name for name in smp.MODEL_ARCHITECTURES_MAPPING if name != "dpt"])
def test_every_architecture_takes_scenes_of_any_size(architecture: str, size: tuple[int, int]) -> None:
    with torch.device("meta"):
        model = build(f"smp:{architecture}", {"encoder_name": "resnet18"}).eval()
        assert model(torch.empty(1, 5, *size)).shape == (1, 6, *size)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("unet", {"encoder_name": "tu-resnet10t"}),
        ("fpn", {"encoder_name": "tu-convnext_atto", "drop_path_rate": 0.1}),
        ("dpt", {"encoder_name": "tu-vit_tiny_patch16_224", "dynamic_img_size": True}),
        ("unet", {"encoder_name": "resnet18", "encoder_depth": 3, "decoder_channels": [32, 16, 8]}),
    ],
)
def test_encoders_of_smp_and_of_timm(name: str, params: dict[str, object]) -> None:
    with torch.device("meta"):
        model = build(f"smp:{name}", params).eval()
        assert model(torch.empty(2, 5, 37, 53)).shape == (2, 6, 37, 53)


def test_an_encoder_that_cannot_be_built_without_values() -> None:
    model = build("smp:segformer", {"encoder_name": "mit_b0"}).eval()
    assert model(torch.zeros(1, 5, 37, 53)).shape == (1, 6, 37, 53)


def test_the_gradient_reaches_the_kernels_of_every_channel() -> None:
    model = build("smp:unet", {"encoder_name": "resnet18"})
    model(torch.randn(2, 5, 64, 64)).square().sum().backward()
    first = dict(model.named_parameters())["network.encoder.conv1.weight"]
    assert first.grad is not None
    assert first.grad.abs().sum(dim=(0, 2, 3)).gt(0).all()


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("smp:unnet", {}, "unknown smp architecture 'unnet': known are unet, .*did you mean 'unet'"),
        (
            "smp:unet",
            {"encoder_name": "resnet19"},
            r"unknown smp encoder .*'resnet19': the nearest of \d+ are .*resnet1",
        ),
        ("smp:unet", {"encoder_name": "tu-resnet19"}, r"unknown timm network 'resnet19': the nearest"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        build(name, params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"decoder_chanels": [8]}, "decoder_chanels is no parameter of 'smp:unet': allowed are encoder_name"),
        ({"encoder_name": 5}, "encoder_name = 5 is not allowed"),
        ({"encoder_weights": "imagenet"}, "is not free: model.pretrained decides"),
        ({"classes": 3}, "is not free: the number of classes"),
        ({"decoder_channels": [8]}, "'smp:unet' cannot be built with these model.params"),
        ({"encoder_name": "tu-resnet10t", "drop_rte": 1}, "'smp:unet' cannot be built with these model.params"),
    ],
)
def test_bad_parameters_are_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build("smp:unet", params)


def test_classification_is_shown_the_way() -> None:
    with pytest.raises(SpecError, match="for patch-based training take timm:NAME"):
        build_model(ModelSpec(name="smp:unet"), task="patch", in_channels=5, n_outputs=6)


def test_weights_of_an_encoder_are_adapted(tmp_path: Path) -> None:
    theirs = smp.Unet("resnet18", encoder_weights=None).encoder.state_dict()
    torch.save({**theirs, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}, tmp_path / "weights.pth")
    model = build("smp:unet", {"encoder_name": "resnet18"}, str(tmp_path / "weights.pth"))
    mine = model.get_submodule("network.encoder").state_dict()
    torch.testing.assert_close(mine["conv1.weight"], adapt(theirs["conv1.weight"], 5))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs if name != "conv1.weight")


@pytest.mark.parametrize("whole", [True, False])
def test_weights_of_a_whole_network_are_loaded_but_for_the_head(whole: bool, tmp_path: Path) -> None:
    params = {"encoder_name": "resnet18"}
    trained = build("smp:unet", params)
    state = (trained if whole else trained.get_submodule("network")).state_dict()
    torch.save({"state": state}, tmp_path / "best.pt")
    model = build("smp:unet", params, str(tmp_path / "best.pt"))
    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            same = torch.equal(tensor, trained.state_dict()[name])
            assert same != name.endswith("segmentation_head.0.weight"), name


def test_weights_of_timm_reach_an_encoder_of_timm(tmp_path: Path) -> None:
    theirs = timm.create_model("convnext_atto").state_dict()
    torch.save(theirs, tmp_path / "weights.pth")
    model = build("smp:unet", {"encoder_name": "tu-convnext_atto"}, str(tmp_path / "weights.pth"))
    mine = model.get_submodule("network.encoder.model").state_dict()
    torch.testing.assert_close(mine["stem_0.weight"], adapt(theirs["stem.0.weight"], 5))
    assert torch.equal(mine["stages_2.blocks.1.mlp.fc1.weight"], theirs["stages.2.blocks.1.mlp.fc1.weight"])


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet10t"])
def test_weights_of_another_network_are_refused(encoder: str, tmp_path: Path) -> None:
    torch.save(timm.create_model("convnext_atto").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(SpecError, match=r"do not fit 'smp:unet': the file has no '.*conv1.*begins with 'stem"):
        build("smp:unet", {"encoder_name": encoder}, str(tmp_path / "weights.pth"))
