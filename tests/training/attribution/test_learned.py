"""A network trained on data whose label is in two channels relies on these two, by every method."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from datasets.channels import INPUTS
from datasets.labels import SOD
from datasets.loading.batch import Window
from tests.training.attribution.explained import METHODS, K, explain, frozen, patches_of
from training.attribution.features import Features
from training.attribution.result import AttributionResult, rank_channels, rows_of
from training.attribution.run import sums_by_scene
from training.attribution.settings import AttributionSettings
from training.models.cnn import CNN
from training.models.unet import UNet

CARRIERS = ("nersc_sar_secondary", "btemp_36_5v")
FEATURES = Features.of(INPUTS)
PLACES = [INPUTS.index(name) for name in CARRIERS]


def fields(count: int, seed: int) -> torch.Tensor:
    """Smooth random fields, as channels are, around a level of their own in every patch."""
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, len(INPUTS), 8, 8, generator=draws)
    level = torch.randn(count, len(INPUTS), 1, 1, generator=draws)
    return functional.interpolate(noise, size=(32, 32), mode="bicubic") + level


def pixel_labels(x: torch.Tensor) -> torch.Tensor:
    """Four classes by the signs of both carriers."""
    first, second = (x[:, place] > 0 for place in PLACES)
    return 2 * first.long() + second.long()


def patch_labels(x: torch.Tensor) -> torch.Tensor:
    return pixel_labels(x.mean(dim=(2, 3), keepdim=True))[:, 0, 0]


def trained(model: nn.Module, *, patches: bool) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    model.train()
    for step in range(100):
        x = fields(24 if patches else 8, seed=step)
        optimizer.zero_grad()
        functional.cross_entropy(model(x), patch_labels(x) if patches else pixel_labels(x)).backward()
        optimizer.step()
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {
        "unet": trained(UNet(len(INPUTS), K, filters=[8, 8]), patches=False),
        "cnn": trained(CNN(len(INPUTS), K), patches=True),
    }


def result_of(method: str, model: nn.Module, x: torch.Tensor, bank: torch.Tensor) -> AttributionResult:
    found = explain(method, model, patches_of(model, x), bank, features=FEATURES)
    sums = sums_by_scene(found, [Window("a", 0, 0)] * len(x), len(INPUTS))["a"]
    classes = list(enumerate(SOD.classes))
    rows, completeness = rows_of({"all": sums}, FEATURES, classes, complete=method != "feature_ablation")
    return AttributionResult(
        trial_id="t", seed=0, model="m", task="pixel", target="SOD",
        settings=AttributionSettings.of(method=method), lake="l",
        channels=INPUTS, classes=SOD.classes, scenes=1, sampled=False, rows=rows, completeness=completeness,
        seconds=0.0, versions={},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["unet", "cnn"])
def test_the_two_channels_that_carry_the_label_come_first(
    networks: dict[str, nn.Module], name: str, method: str
) -> None:
    model, x = networks[name], fields(12, seed=1000)
    said, truth = model(x).argmax(dim=1), pixel_labels(x) if name == "unet" else patch_labels(x)
    assert (said == truth).float().mean() > 0.8, "it has learned"
    result = result_of(method, model, x, fields(4, seed=2000))
    ranks = rank_channels(result)
    assert {rank.feature for rank in ranks[:2]} == set(CARRIERS)
    assert ranks[1].share > 2 * ranks[2].share
    assert sum(rank.share for rank in ranks) == pytest.approx(1.0)
    assert {rank.feature for rank in rank_channels(result, groups=True)[:2]} == {"SAR", "AMSR2"}
    for own in {row.class_name for row in result.rows}:
        assert {rank.feature for rank in rank_channels(result, class_name=own)[:2]} == set(CARRIERS)


def test_an_untrained_network_does_not_prefer_them() -> None:
    """The test above can fail."""
    torch.manual_seed(0)
    model = frozen(UNet(len(INPUTS), K, filters=[8, 8]))
    result = result_of("integrated_gradients", model, fields(4, seed=1000), fields(4, seed=2000))
    assert {rank.feature for rank in rank_channels(result)[:2]} != set(CARRIERS)
