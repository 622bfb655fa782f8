"""What networks say, as numbers of a map."""

import numpy as np
import pytest
import torch

from datasets.labels import IGNORE, SIC, SOD
from training.models.heads import Head
from training.prediction.layers import Answer, Ensemble
from training.prediction.scene_map import LAND

NOWHERE = torch.zeros((4, 5), dtype=torch.bool)


def answers(n: int, seed: int = 0) -> list[Answer]:
    generator = torch.Generator().manual_seed(seed)
    head = Head(chart=SOD, regression=False, first=0)
    return [Answer.of(head, 3 * torch.randn(6, 4, 5, generator=generator)) for _ in range(n)]


def layers(given: list[Answer], land: torch.Tensor = NOWHERE, no_sar: torch.Tensor = NOWHERE) -> dict[str, np.ndarray]:
    together = Ensemble()
    for answer in given:
        together.add(answer)
    return {name: values.numpy() for name, values in together.layers(SOD, land, no_sar).items()}


def test_one_network_has_its_own_classes_and_no_spread() -> None:
    (answer,) = answers(1)
    found = layers([answer])
    assert set(found) == {"SOD", "SOD_probability", "SOD_entropy"}
    np.testing.assert_array_equal(found["SOD"], answer.classes)
    np.testing.assert_array_equal(found["SOD_probability"], np.rint(100 * answer.probabilities.numpy()))
    sums = found["SOD_probability"].astype(int).sum(axis=0)
    assert np.abs(sums - 100).max() <= 3, "six roundings of half a hundredth"


def test_several_networks_give_mean_and_spread_of_the_chosen_class() -> None:
    given = answers(5)
    found = layers(given)
    stacked = np.stack([answer.probabilities.numpy() for answer in given]).astype(np.float64)
    mean = stacked.mean(axis=0)
    chosen = mean.argmax(axis=0)
    np.testing.assert_array_equal(found["SOD"], chosen)
    np.testing.assert_allclose(found["SOD_probability"], 100 * mean, atol=0.51)
    spread = np.take_along_axis(stacked.std(axis=0), chosen[None], axis=0)[0]
    np.testing.assert_allclose(found["SOD_spread"], 100 * spread, atol=0.51)
    entropy = -(mean * np.log(mean)).sum(axis=0) / np.log(6)
    np.testing.assert_allclose(found["SOD_entropy"], 100 * entropy, atol=0.51)


def test_networks_that_agree_have_no_spread() -> None:
    (answer,) = answers(1)
    assert not layers([answer, answer, answer])["SOD_spread"].any()


def test_entropy_is_0_where_sure_and_100_where_all_classes_are_alike() -> None:
    head = Head(chart=SOD, regression=False, first=0)
    sure, alike = torch.zeros(6, 4, 5), torch.zeros(6, 4, 5)
    sure[2] = 200
    assert (layers([Answer.of(head, sure)])["SOD_entropy"] == 0).all()
    assert (layers([Answer.of(head, alike)])["SOD_entropy"] == 100).all()


def test_land_no_sar_and_both() -> None:
    land, no_sar = NOWHERE.clone(), NOWHERE.clone()
    land[0], no_sar[1], land[2], no_sar[2] = True, True, True, True
    found = layers(answers(2), land, no_sar)
    assert (found["SOD"][0] == LAND).all()
    assert (found["SOD"][1] == IGNORE).all()
    assert (found["SOD"][2] == LAND).all(), "land is land, also where the product has no SAR on it"
    assert (found["SOD"][3] < 6).all()
    for name in ("SOD_probability", "SOD_entropy", "SOD_spread"):
        assert (found[name][..., :3, :] == IGNORE).all()
        assert (found[name][..., 3, :] <= 100).all()


@pytest.mark.parametrize(
    ("value", "number", "shares"),
    [(3.4, 3, {3: 0.6, 4: 0.4}), (-2.0, 0, {0: 1.0}), (11.7, 10, {10: 1.0}), (7.0, 7, {7: 1.0})],
)
def test_classes_beside_the_value_of_a_regression_share_its_probability(
    value: float, number: int, shares: dict[int, float]
) -> None:
    answer = Answer.of(Head(chart=SIC, regression=True, first=1), torch.tensor([9.0, value])[:, None, None])
    assert answer.classes.item() == number
    expected = np.zeros(11)
    expected[list(shares)] = list(shares.values())
    np.testing.assert_allclose(answer.probabilities[:, 0, 0], expected, atol=1e-6)


def values_of(*values: float) -> list[Answer]:
    head = Head(chart=SIC, regression=True, first=0)
    return [Answer.of(head, torch.full((1, 4, 5), value)) for value in values]


def test_several_regressions_give_the_class_of_their_mean_value_and_how_far_the_values_are_apart() -> None:
    together = Ensemble(values=True)
    for answer in values_of(2.0, 2.0, 5.2):  # two thirds of the shares are at 2, and the mean is 3.07
        together.add(answer)
    found = {name: values[:, 0, 0] if values.ndim > 2 else values[0, 0] for name, values in
             together.layers(SIC, NOWHERE, NOWHERE).items()}  # fmt: skip
    assert found["SIC"] == 3
    assert found["SIC_probability"].tolist() == [0, 0, 0, 93, 7, *[0] * 6], "a class follows from its probabilities"
    assert found["SIC_spread"] == round(100 * np.std([2.0, 2.0, 5.2]) / 10), "of concentration, 15 %"


def test_one_regression_has_its_own_class_and_a_mixed_ensemble_the_largest_mean_probability() -> None:
    (answer,) = values_of(3.4)
    one = Ensemble(values=True)
    one.add(answer)
    found = one.layers(SIC, NOWHERE, NOWHERE)
    assert (found["SIC"] == 3).all()
    assert "SIC_spread" not in found
    head = Head(chart=SIC, regression=False, first=0)
    mixed = Ensemble()
    for each in (answer, Answer.of(head, torch.eye(11)[8][:, None, None].expand(11, 4, 5) * 20)):
        mixed.add(each)
    assert (mixed.layers(SIC, NOWHERE, NOWHERE)["SIC"] == 8).all(), "0.5 at 8, and 0.3 at 3"
