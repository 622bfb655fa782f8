"""Networks that others have trained: from a file, frozen, with their own inputs, through timm or another package."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from datasets.lake import Lake
from tests.docs.pages import blocks
from training.loop.checkpoint import load_checkpoint
from training.models import build_model, build_network, check_network
from training.models.weights import adapt
from training.spec import ModelSpec, TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

SMALL = {"embed_dim": 24, "num_heads": 2, "depth": 2}
VIT = "vit_tiny_patch16_224"
INPUTS = {
    "model.inputs.channels": ["nersc_sar_primary", "nersc_sar_secondary"],
    "model.inputs.mean": [-12.599, -20.293],
    "model.inputs.std": [5.195, 5.890],
}


class Tokens(nn.Module):
    """As a backbone of TerraTorch: patches of 16 x 16, one list of tokens (B, N, F) per layer."""

    def __init__(self) -> None:
        super().__init__()
        self.proj, self.layer = nn.Linear(2 * 16 * 16, 8), nn.Linear(8, 8)

    def forward(self, x_BCHW: torch.Tensor) -> list[torch.Tensor]:
        tokens = self.proj(nn.functional.unfold(x_BCHW, 16, stride=16).transpose(1, 2))
        return [tokens, self.layer(tokens)]


@pytest.fixture
def _page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module of the page, and a package that builds `Tokens`."""
    (block,) = blocks("docs/foundation_models.md", "python")
    (tmp_path / "my_encoders.py").write_text(block.text)
    monkeypatch.syspath_prepend(tmp_path)
    registry = ModuleType("terratorch.registry")

    def build(name: str, pretrained: bool, modalities: list[str]) -> nn.Module:
        assert (name, pretrained, modalities) == ("terramind_v1_base", False, ["S1GRD"])
        return Tokens()

    registry.BACKBONE_REGISTRY = SimpleNamespace(build=build)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "terratorch", ModuleType("terratorch"))
    monkeypatch.setitem(sys.modules, "terratorch.registry", registry)
    yield
    sys.modules.pop("my_encoders", None)


@pytest.mark.usefixtures("_page")
def test_the_class_of_the_page_makes_maps_of_tokens_and_takes_the_weights_of_its_backbone(tmp_path: Path) -> None:
    backbone = Tokens()
    save_file(backbone.state_dict(), tmp_path / "backbone.safetensors")
    spec = TrialSpec().with_all(
        {"model.name": "my_encoders:terramind", "model.head": "linear", "model.freeze": "encoder"}
        | {"model.pretrained": str(tmp_path / "backbone.safetensors"), "data.patch_size": 64, **INPUTS}
    )
    check_network(spec)
    model = build_network(spec).eval()
    x = torch.randn(1, 2, 48, 80)
    (found,) = model.network.encoder(x)  # type: ignore[union-attr,operator]
    wanted = backbone(x)[1].transpose(1, 2).reshape(1, 8, 3, 5)
    torch.testing.assert_close(found, wanted)
    assert model(torch.randn(2, 2, 70, 65)).shape == (2, 6, 70, 65)
    assert [name for name, each in model.named_parameters() if each.requires_grad] == [
        "network.head.0.weight",
        "network.head.0.bias",
    ]


def test_a_linear_probe_of_a_transformer_from_a_file_is_a_trial(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    theirs = timm.create_model(VIT, in_chans=2, img_size=64, num_classes=0, **SMALL).state_dict()
    save_file(theirs, tmp_path / "sar.safetensors")
    spec = small_spec.with_all(
        {"model.name": f"timm:{VIT}", "model.head": "linear", "model.freeze": "encoder"}
        | {"model.params": {**SMALL, "img_size": 64, "dynamic_img_size": True, "out_indices": [0, 1]}}
        | {"model.pretrained": str(tmp_path / "sar.safetensors"), "loop.max_epochs": 1, **INPUTS}
        | {"data.channels": list(INPUTS["model.inputs.channels"]), "evaluation.fixed_ratio": None}
    )
    result = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "trial")
    assert result.metrics["cost/trainable_parameters"] == 2 * 24 * 6 + 6
    assert result.metrics["cost/parameters"] > 10_000
    checkpoint = load_checkpoint(tmp_path / "trial" / "best.pt")
    (tmp_path / "sar.safetensors").unlink()
    kept = checkpoint.model().state_dict()
    prefix = "network.encoder.network.model."
    frozen = [name for name in kept if name.startswith(prefix)]
    assert len(frozen) > 20
    for name in frozen:
        assert torch.equal(kept[name], theirs[name.removeprefix(prefix)]), name
    assert checkpoint.normalization.mean == (-12.599, -20.293)


@pytest.mark.parametrize("channels", [2, 12])
@pytest.mark.parametrize("name", [f"timm:{VIT}", "timm:resnet10t"])
def test_a_first_layer_for_other_channels_becomes_one_for_ours(name: str, channels: int, tmp_path: Path) -> None:
    params = SMALL if "vit" in name else {}
    theirs = timm.create_model(name.removeprefix("timm:"), in_chans=channels, **params).state_dict()
    save_file(theirs, tmp_path / "weights.safetensors")
    spec = ModelSpec(name=name, params=params, pretrained=str(tmp_path / "weights.safetensors"))
    first = next(each for each, tensor in theirs.items() if tensor.ndim == 4)
    for ours in (2, 5, 12):
        mine = build_model(spec, task="patch", in_channels=ours, n_outputs=6).state_dict()
        wanted = theirs[first] if ours == channels else adapt(theirs[first], ours)
        torch.testing.assert_close(mine[first], wanted)
