from collections.abc import Mapping
from pathlib import Path

import pytest
import timm
import torch

from datasets.errors import UnknownNameError
from training.models import build_model
from training.models.weights import adapt
from training.spec import ModelSpec, SpecError


def build(name: str, params: Mapping[str, object] | None = None, pretrained: str | None = None) -> torch.nn.Module:
    spec = ModelSpec(name=name, params=dict(params or {}), pretrained=pretrained)
    return build_model(spec, task="patch", in_channels=5, n_outputs=6)


@pytest.mark.parametrize(
    ("name", "params", "size"),
    [
        ("resnet10t", {}, 37),
        ("resnet10t", {"drop_rate": 0.2}, 64),
        ("vit_tiny_patch16_224", {"img_size": 64}, 64),
        ("resnet18.a1_in1k", {}, 32),
    ],
)
def test_any_network_takes_our_channels_and_classes(name: str, params: dict[str, object], size: int) -> None:
    with torch.device("meta"):
        model = build(f"timm:{name}", params)
        assert model(torch.empty(2, 5, size, size)).shape == (2, 6)


def test_parameters_reach_the_network() -> None:
    model = build("timm:resnet10t", {"drop_rate": 0.25})
    assert model.drop_rate == 0.25


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:resnet5O", r"unknown timm network 'resnet5O': the nearest of 1?\d\d\d are .*resnet50.*list_models"),
        ("timm:", "none of 1?\\d\\d\\d is near"),
        ("timm:hf-hub:someone/something", "unknown timm network 'hf-hub:someone/something'"),
        ("timm:resnet18.a1_in2k", r"unknown timm network .*nearest of \d+ are .*resnet18.a1_in1k"),
    ],
)
def test_unknown_names_get_the_nearest_few(name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message) as refused:
        build(name)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"drop_rte": 0.1}, r"'timm:resnet10t' cannot be built with these model.params .*drop_rte"),
        ({"num_classes": 4}, "model.params.num_classes of 'timm:resnet10t' is not free: the number of classes"),
        ({"in_chans": 4}, "in_chans of 'timm:resnet10t' is not free: data.channels decides"),
        ({"pretrained": True}, "pretrained of 'timm:resnet10t' is not free: model.pretrained decides"),
        ({"checkpoint_path": "x.pth"}, "model.pretrained decides"),
    ],
)
def test_bad_parameters_are_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build("timm:resnet10t", params)


def test_segmentation_is_shown_the_way_to_smp() -> None:
    spec = ModelSpec(name="timm:resnet10t")
    with pytest.raises(SpecError, match=r"'smp:unet' with model.params.encoder_name = 'tu-resnet10t'"):
        build_model(spec, task="pixel", in_channels=5, n_outputs=6)


def test_a_file_of_weights_is_adapted_and_its_head_left_out(tmp_path: Path) -> None:
    theirs = timm.create_model("resnet10t", num_classes=1000).state_dict()
    torch.save(theirs, tmp_path / "weights.pth")
    torch.manual_seed(3)
    fresh = build("timm:resnet10t").state_dict()
    torch.manual_seed(3)
    mine = build("timm:resnet10t", pretrained=str(tmp_path / "weights.pth")).state_dict()
    torch.testing.assert_close(mine["conv1.0.weight"], adapt(theirs["conv1.0.weight"], 5))
    assert torch.equal(mine["fc.weight"], fresh["fc.weight"])
    for name in mine.keys() - {"conv1.0.weight", "fc.weight", "fc.bias"}:
        assert torch.equal(mine[name], theirs[name]), name


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet18").state_dict(), tmp_path / "weights.pth")
    message = (
        r"weights.pth' do not fit 'timm:resnet10t': the file has no 'conv1.0.weight' \(it begins with 'conv1.weight'"
    )
    with pytest.raises(SpecError, match=message):
        build("timm:resnet10t", pretrained=str(tmp_path / "weights.pth"))


def test_a_file_in_the_form_of_another_release_is_turned_by_timm(tmp_path: Path) -> None:
    theirs = timm.create_model("vit_tiny_patch16_224", img_size=64).state_dict()
    torch.save(theirs, tmp_path / "weights.pth")
    mine = build("timm:vit_tiny_patch16_224", {"img_size": 96}, pretrained=str(tmp_path / "weights.pth")).state_dict()
    assert mine["pos_embed"].shape[1] == 37
    assert torch.equal(mine["blocks.3.mlp.fc1.weight"], theirs["blocks.3.mlp.fc1.weight"])
