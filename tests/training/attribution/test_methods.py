"""The five methods against known truths, against captum, and against each other."""

from dataclasses import replace

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn

from datasets.labels import FLOE, SIC
from datasets.loading.batch import Window
from tests.training.attribution.explained import (
    CHANNELS,
    FEATURES,
    HEAD,
    METHODS,
    C,
    Counting,
    K,
    completeness,
    explain,
    frozen,
    patches_of,
    tensor,
)
from training.attribution.assigned import NONE, AssignedPatches, turns
from training.attribution.baselines import draw, draws_of
from training.attribution.features import Features
from training.models.cnn import CNN
from training.models.deeplab import DeepLabV3
from training.models.heads import Head
from training.models.unet import UNet


def linear() -> nn.Conv2d:
    """Every logit of a pixel is a weighted sum of its channels."""
    layer = nn.Conv2d(C, K, kernel_size=1)
    layer.weight.data = tensor(K, C, 1, 1, seed=5)
    return frozen(layer)


class LinearPatch(nn.Module):
    """Every logit of a patch is a weighted sum of the means of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = linear()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).mean(dim=(2, 3))


def unet() -> nn.Module:
    """A network with all classes in its maps: fresh weights mostly predict only one."""
    torch.manual_seed(1)
    model = frozen(UNet(C, K, filters=[4, 4, 8]))
    model.outlet.bias -= model(tensor(4, C, 16, 16)).mean(dim=(0, 2, 3))
    return model


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_network_gives_weight_times_difference(method: str) -> None:
    model, bank = linear(), tensor(3, C, 8, 8, seed=2)
    patches = patches_of(model, tensor(4, C, 8, 8, seed=1))
    found = explain(method, model, patches, bank, samples=3)
    places, _ = draw(patches.draws, bank, 3 if method == "gradient_shap" else 1)
    if method == "deeplift_shap":
        baselines = bank.mean(dim=0).expand(4, -1, -1, -1)
    else:
        baselines = torch.stack([bank[own] for own in places]).mean(dim=0)
    each = model.weight[None, :, :, 0, 0, None, None] * (patches.x - baselines)[:, None]  # (B, K, C, P, P)
    own = (patches.assigned[:, None] == torch.arange(K)[:, None, None])[:, :, None]
    signed, absolute = (each * own).sum(dim=(3, 4)), (each.abs() * own).sum(dim=(3, 4))
    np.testing.assert_allclose(found.signed[:, :, :C], signed, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.absolute[:, :, :C], absolute, rtol=1e-4, atol=1e-4)
    assert found.counts.sum() == 4 * 64
    sar, era5, time = (FEATURES.names.index(name) for name in ("SAR", "ERA5", "time"))
    np.testing.assert_allclose(found.signed[..., sar], found.signed[..., 0] + found.signed[..., 1], atol=1e-4)
    np.testing.assert_array_equal(found.absolute[..., [era5, time]], found.absolute[..., [2, 3]])
    if method != "feature_ablation":
        assert completeness(found) < 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_patch_based_network_likewise(method: str) -> None:
    model, bank = LinearPatch(), tensor(1, C, 8, 8, seed=2)
    patches = patches_of(model, tensor(5, C, 8, 8, seed=1))
    found = explain(method, model, patches, bank)
    difference = (patches.x - bank).mean(dim=(2, 3))
    for row, own in enumerate(patches.assigned.tolist()):
        wanted = (model.layer.weight[own, :, 0, 0] * difference[row]).numpy()
        np.testing.assert_allclose(found.signed[row, own, :C], wanted, rtol=1e-4, atol=1e-5)
        assert not np.delete(found.signed[row], own, axis=0).any()
        assert found.counts[row].tolist() == [int(number == own) for number in range(K)]


def test_groups_are_ablated_together() -> None:
    class Product(nn.Module):
        """Both SAR channels together, and not one of them alone."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            both = (x[:, 0] * x[:, 1])[:, None]
            return torch.cat([both, *[torch.full_like(both, -1e3)] * (K - 1)], dim=1)

    x, bank = torch.full((1, C, 4, 4), 2.0), torch.full((1, C, 4, 4), 1.0)
    found = explain("feature_ablation", Product(), patches_of(Product(), x), bank)
    values = dict(zip(FEATURES.names, found.signed[0, 0] / 16, strict=True))
    assert values == {
        "nersc_sar_primary": 2, "nersc_sar_secondary": 2, "t2m": 0, "month": 0, "SAR": 3, "ERA5": 0, "time": 0,
    }  # fmt: skip


class OfClass(nn.Module):
    """What is explained, one number per class, for captum's own methods."""

    def __init__(self, model: nn.Module, patches: AssignedPatches) -> None:
        super().__init__()
        self.model = model
        self.own = (patches.assigned[:, None] == torch.arange(K)[:, None, None]).float()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        own = self.own.repeat(len(x) // len(self.own), 1, 1, 1)
        return (self.model(x) * own).sum(dim=(2, 3))


def test_integrated_gradients_are_those_of_captum() -> None:
    model, bank = unet(), tensor(1, C, 16, 16, seed=2)
    patches = patches_of(model, tensor(2, C, 16, 16, seed=1))
    found = explain("integrated_gradients", model, patches, bank, steps=7)
    theirs = captum.attr.IntegratedGradients(OfClass(model, patches))
    for own in range(K):
        wanted = theirs.attribute(patches.x, bank.expand(2, -1, -1, -1), target=own, n_steps=7).detach()
        np.testing.assert_allclose(found.signed[:, own, :C], wanted.sum(dim=(2, 3)), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(found.absolute[:, own, :C], wanted.abs().sum(dim=(2, 3)), rtol=1e-3, atol=1e-3)


def test_feature_ablation_is_that_of_captum() -> None:
    model, bank = unet(), tensor(1, C, 16, 16, seed=2)
    patches = patches_of(model, tensor(2, C, 16, 16, seed=1))
    found = explain("feature_ablation", model, patches, bank)
    theirs = captum.attr.FeatureAblation(OfClass(model, patches))
    mask = torch.arange(C).reshape(1, C, 1, 1).expand(1, C, 16, 16)
    for own in range(K):
        wanted = theirs.attribute(patches.x, bank.expand(2, -1, -1, -1), target=own, feature_mask=mask)
        np.testing.assert_allclose(found.signed[:, own, :C], wanted[:, :, 0, 0], rtol=1e-3, atol=1e-3)


def test_gradient_shap_is_that_of_captum_for_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    model, bank = unet(), tensor(1, C, 16, 16, seed=2)
    patches = patches_of(model, tensor(1, C, 16, 16, seed=1))
    found = explain("gradient_shap", model, patches, bank, samples=5)
    _, shares = draw(patches.draws, bank, 5)
    monkeypatch.setattr(np.random, "uniform", lambda *_: shares[:, 0].numpy().astype(np.float64))
    theirs = captum.attr.GradientShap(OfClass(model, patches))
    for own in range(K):
        wanted = theirs.attribute(patches.x, bank, target=own, n_samples=5).detach()
        np.testing.assert_allclose(found.signed[:, own, :C], wanted.sum(dim=(2, 3)), rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("model", [unet(), frozen(CNN(C, K))], ids=["unet", "cnn"])
def test_integrated_gradients_add_up_better_with_more_steps(model: nn.Module) -> None:
    bank, patches = tensor(2, C, 16, 16, seed=2), patches_of(model, tensor(3, C, 16, 16, seed=1))
    errors = [completeness(explain("integrated_gradients", model, patches, bank, steps=n)) for n in (2, 32, 128)]
    assert errors[2] < errors[0]
    assert errors[1] < 0.1
    assert errors[2] < 0.03


def test_unlike_integrated_gradients_plain_gradients_do_not_add_up() -> None:
    """The check of completeness can fail."""
    model, bank = unet(), tensor(2, C, 16, 16, seed=2)
    patches = patches_of(model, tensor(3, C, 16, 16, seed=1))
    assert completeness(explain("integrated_gradients", model, patches, bank, steps=1)) > 0.1


@pytest.mark.parametrize("method", ["deeplift", "deeplift_shap"])
@pytest.mark.parametrize("model", [unet(), frozen(DeepLabV3(C, K)), frozen(CNN(C, K))], ids=["unet", "deeplab", "cnn"])
def test_deeplift_adds_up_through_shared_layers_and_overlapping_pools(method: str, model: nn.Module) -> None:
    bank, patches = tensor(2, C, 32, 32, seed=2), patches_of(model, tensor(2, C, 32, 32, seed=1))
    assert completeness(explain(method, model, patches, bank)) < 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_pixels_that_are_not_valid_have_no_part(method: str) -> None:
    model = linear()
    x, bank = tensor(2, C, 8, 8, seed=1), tensor(2, C, 8, 8, seed=2)
    valid = torch.ones(2, 8, 8, dtype=torch.bool)
    valid[:, :3] = valid[:, :, 5:] = False
    before = explain(method, model, patches_of(model, x, valid), bank)
    changed = torch.where(valid[:, None], x, 1e3 * tensor(2, C, 8, 8, seed=3))
    after = explain(method, model, patches_of(model, changed, valid), bank)
    assert before.counts.sum() == 2 * 5 * 5
    np.testing.assert_array_equal(before.counts, after.counts)
    np.testing.assert_allclose(before.signed, after.signed, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(before.absolute, after.absolute, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_classes_are_those_of_the_clean_input(method: str) -> None:
    """The baseline turns every pixel to another class; what is explained stays the class of the input."""
    layer = nn.Conv2d(C, K, kernel_size=1, bias=False)
    layer.weight.data = torch.zeros(K, C, 1, 1)
    layer.weight.data[0, 0], layer.weight.data[1, 0] = 1.0, -1.0
    model = frozen(layer)
    found = explain(method, model, patches_of(model, torch.full((1, C, 4, 4), 3.0)), torch.full((2, C, 4, 4), -3.0))
    assert found.counts[0].tolist() == [16, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(found.signed[0, 0, :C] / 16, [6, 0, 0, 0], atol=1e-5)
    assert not found.signed[0, 1:].any()


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_batches_do_not_change_what_is_found(method: str) -> None:
    model, bank = unet(), tensor(3, C, 16, 16, seed=2)
    patches = patches_of(model, tensor(5, C, 16, 16, seed=1))
    whole = explain(method, model, patches, bank)
    parts = [explain(method, model, patches.part(part), bank) for part in (slice(0, 1), slice(1, 5))]
    for name in ("signed", "absolute"):
        both = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(both, getattr(whole, name), rtol=1e-3, atol=1e-3)


def test_ablation_passes_forward_once_a_channel_and_group_for_all_classes() -> None:
    model, bank = Counting(unet()), tensor(1, C, 16, 16)
    patches = patches_of(model, tensor(4, C, 16, 16))
    assert len(turns(patches.counts)) > 1, "several classes"
    model.forwards = 0
    explain("feature_ablation", model, patches, bank, features=Features.of(CHANNELS, groups=False))
    assert model.forwards == C
    explain("feature_ablation", model, patches, bank)
    assert model.forwards == C + C + 1, "SAR is the one group of several channels"


def test_integrated_gradients_pass_forward_once_a_step_for_all_classes() -> None:
    model, bank = Counting(unet()), tensor(1, C, 16, 16)
    patches = patches_of(model, tensor(4, C, 16, 16))
    several = len(turns(patches.counts))
    assert several > 1
    model.forwards = 0
    explain("integrated_gradients", model, patches, bank, steps=6)
    assert model.forwards == 6 + 1
    assert model.backwards == 6 * several


def test_patches_take_turns_with_their_own_classes() -> None:
    counts = torch.tensor([[0, 3, 0, 1], [5, 0, 0, 0], [0, 0, 0, 0]])
    assert turns(counts).tolist() == [[1, 0, NONE], [3, NONE, NONE]]
    assert turns(torch.zeros(2, 3, dtype=torch.int64)).shape == (0, 2)


def test_other_heads_and_chosen_classes() -> None:
    """The second of two charts, and two of its classes."""
    head = Head(chart=FLOE, regression=False, first=SIC.n_classes)
    model = frozen(nn.Conv2d(C, SIC.n_classes + FLOE.n_classes, kernel_size=1))
    bank = tensor(2, C, 8, 8, seed=2)
    patches = patches_of(model, tensor(3, C, 8, 8, seed=1), classes=(1, 4), head=head)
    assert set(patches.assigned.unique().tolist()) <= {NONE, 1, 4}
    for method in METHODS:
        found = explain(method, model, patches, bank, head=head)
        assert found.counts.shape == (3, FLOE.n_classes)
        assert not np.delete(found.absolute, (1, 4), axis=1).any()
        weight = model.weight[SIC.n_classes + 4, :, 0, 0]
        if method == "integrated_gradients":
            places, _ = draw(patches.draws, bank)
            difference = (patches.x - bank[places[0]]) * (patches.assigned == 4)[:, None]
            np.testing.assert_allclose(
                found.signed[:, 4, :C], weight * difference.sum(dim=(2, 3)), rtol=1e-3, atol=1e-3
            )


def test_draws_follow_from_seed_and_place_alone() -> None:
    windows = [Window("a", 0, 0), Window("a", 0, 16), Window("b", 0, 0)]
    own, bank = draws_of(windows, 0), torch.zeros(1000, 1, 1, 1)
    places, shares = draw(own, bank, 4)
    again, same = draw(own[1:], bank, 4)
    assert torch.equal(places[:, 1:], again)
    assert torch.equal(shares[:, 1:], same)
    assert len({tuple(column) for column in places.T.tolist()}) == 3
    assert not torch.equal(draw(draws_of(windows, 1), bank, 4)[0], places)


def test_an_unexplained_patch_adds_nothing() -> None:
    model, bank = unet(), tensor(1, C, 16, 16)
    patches = patches_of(model, tensor(2, C, 16, 16))
    nothing = replace(patches, assigned=torch.full_like(patches.assigned, NONE))
    for method in ("integrated_gradients", "gradient_shap", "feature_ablation"):
        found = explain(method, model, nothing, bank)
        assert not found.signed.any()
        assert not found.counts.any()
    assert HEAD.width == K
