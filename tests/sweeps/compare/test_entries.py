"""How trials become models of one comparison: names, seeds, the metric; on invented results."""

from collections.abc import Mapping

import pytest

from sweeps.compare.entries import CompareError, common_objective
from tests.sweeps.compare.invented_models import compared, entry


def test_seeds_are_one_model_and_others_come_best_first() -> None:
    found = compared(
        [entry("a:Net", 0.7, seed) for seed in (0, 1)],
        [entry("unet", 0.6), entry("unet", 0.62, 1), entry("cnn", 0.9), entry("unet", 0.5, 1, started=-1)],
    )
    assert (found.own, found.others) == (("a:Net",), (("cnn",), ("unet",)))
    assert [trial.row.started for trial in found.comparison.evidence.trials_of(("unet",))] == [0, 0], "newest of a seed"


def test_models_of_one_name_are_told_apart_by_their_settings() -> None:
    found = compared(
        [entry("a:Net", 0.7, model__params__width="8")],
        [
            entry("a:Net", 0.6, model__params__width="4"),
            entry("unet", 0.6, data__task="patch"),
            entry("unet", 0.5, optimizer__lr="0.1"),
        ],
    )
    assert found.own == ("a:Net (pixel-based), params.width 8",)
    assert set(found.others) == {
        ("a:Net (pixel-based), params.width 4",),
        ("unet (patch-based)",),
        ("unet (pixel-based)",),
    }
    assert found.protocol["unet (pixel-based)",] == (("optimizer.lr", "0.1", ""),)
    assert found.protocol["a:Net (pixel-based), params.width 4",] == (), "the network is no protocol"


def test_a_trial_is_not_compared_with_itself() -> None:
    own = entry("a:Net", 0.7)
    assert compared([own], [own]).others == ()


def test_without_a_common_seed_every_seed_is_set_against_every_other() -> None:
    found = compared([entry("a:Net", 0.8, seed) for seed in (0, 1)], [entry("unet", 0.6, seed) for seed in (7, 8, 9)])
    comparison, (other,) = found.comparison, found.others
    assert comparison.difference(found.own, other).seeds == 0
    each = comparison.difference(found.own, other, any_seed=True)
    assert (each.seeds, each.agreeing, each.verdict) == (6, 6, "higher")
    means = [comparison.spread(key, comparison.objective).mean for key in (found.own, other)]
    assert each.value == pytest.approx(means[0] - means[1])


OWN = {"data.targets": '["SOD"]', "data.ratio": "5"}


@pytest.mark.parametrize(
    ("own", "objective"),
    [
        ({**OWN, "evaluation.fixed_ratio": "2"}, "test_80m/f1"),
        ({**OWN, "data.ratio": "2", "evaluation.fixed_ratio": "5"}, "test/f1"),
        ({**OWN, "data.ratio": "2"}, "test/f1"),
    ],
)
def test_the_metric_is_of_a_grid_that_all_have(own: Mapping[str, str], objective: str) -> None:
    assert common_objective(own, [entry("unet", 0.6)]) == objective


def test_without_a_common_grid_or_chart_nothing_is_compared() -> None:
    with pytest.raises(CompareError, match="the models have the ratios 2, 5 and no grid on which all are scored"):
        common_objective(OWN, [entry("unet", 0.6)])
    with pytest.raises(
        CompareError, match=r"run-unet-0-.* predicts SOD first and this model FLOE: compare models of one"
    ):
        common_objective({**OWN, "data.targets": '["FLOE", "SOD"]'}, [entry("unet", 0.6)])
