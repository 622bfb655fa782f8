"""The arithmetic of costs: units, growth, and what decides."""

from itertools import pairwise
from pathlib import Path

import pytest

from datasets.errors import UnknownNameError
from infra.costs.build import build_cost, catalog_seconds
from infra.costs.campaign import TrialWork, campaign_cost, step_seconds, trial_seconds
from infra.costs.constants import CostsError, read_constants
from infra.costs.limits import limits
from infra.costs.prices import EXAMPLE, read_prices

C = read_constants()
UNET = TrialWork(trials=16, network="unet", ratio=2, patch=256, batch=16, steps=500, epochs=60)


def test_a_build_is_rounds_of_scenes_and_then_the_catalog() -> None:
    fast = C.with_values(archive_rate=1e15, store_rate=1e15)
    cost = build_cost(fast, 10, 4)
    assert cost.seconds == pytest.approx(
        C["worker_start"] + 3 * C["scene_pixels"] * C["pixel_seconds_2_5_10"] + catalog_seconds(C, 10)
    )
    assert cost.first == "converting"
    assert cost.writes == 10 * C["write_requests"]
    assert cost.lake_bytes == pytest.approx(10 * C["raw_bytes"] * C["stored_share_2_5_10"])
    assert cost.money is None


def test_more_workers_are_never_slower_and_the_archive_bounds_them() -> None:
    costs = [build_cost(C, 5320, workers) for workers in (1, 8, 64, 1000)]
    assert all(one.seconds >= other.seconds for one, other in pairwise(costs))
    assert costs[-1].seconds > 5320 * C["raw_bytes"] / C["archive_rate"]
    assert costs[-1].first == "the archive"


@pytest.mark.parametrize("name", ["raw_bytes", "pixel_seconds_2_5_10", "write_requests", "publish_row", "moments_read"])
def test_nothing_gets_cheaper_where_a_constant_grows(name: str) -> None:
    dearer = C.with_values(**{name: 2 * C[name]})
    assert build_cost(dearer, 532, 8).seconds >= build_cost(C, 532, 8).seconds
    assert build_cost(dearer, 532, 8).lake_bytes >= build_cost(C, 532, 8).lake_bytes


def test_four_ratios_take_more_than_three() -> None:
    three, four = (build_cost(C, 532, 1, ratios=ratios) for ratios in ("2_5_10", "1_2_5_10"))
    assert four.seconds > three.seconds
    assert four.lake_bytes > 5 * three.lake_bytes


def test_a_step_is_what_it_moves_over_half_of_the_bandwidth() -> None:
    assert step_seconds(C, UNET, "H100") == pytest.approx(16 * 325e6 / (3.35e12 * 0.5), rel=1e-6)
    assert step_seconds(C, UNET, "L4") > step_seconds(C, UNET, "H100") > step_seconds(C, UNET, "H200")
    tiny = TrialWork(**{**vars(UNET), "patch": 16})
    assert step_seconds(C, tiny, "H100") == C["step_floor"]


def test_gpus_share_trials_until_the_longest_decides() -> None:
    costs = [campaign_cost(C, [UNET], gpus, "H100") for gpus in (1, 2, 16, 256)]
    assert costs[0].seconds - C["study_start"] == pytest.approx(2 * (costs[1].seconds - C["study_start"]))
    assert costs[2].seconds == pytest.approx(costs[3].seconds)
    assert costs[3].first == "the longest trial"
    assert costs[3].seconds == pytest.approx(C["study_start"] + trial_seconds(C, UNET, "H100"))
    assert len({cost.gpu_hours for cost in costs}) == 1
    assert costs[0].calls == 16 * (C["mlflow_calls_trial"] + 60 * C["mlflow_calls_epoch"])


def test_a_slow_server_of_records_becomes_the_limit() -> None:
    slow = C.with_values(mlflow_rate=0.01)
    assert campaign_cost(slow, [UNET], 64, "H100").first == "MLflow"


def test_money_is_of_the_prices_alone(tmp_path: Path) -> None:
    prices = read_prices(EXAMPLE)
    cost = campaign_cost(C, [UNET], 8, "H100", prices=prices)
    assert cost.money == pytest.approx(8 * cost.seconds / 3600 * prices.gpu_hour + cost.reads / 1000 * prices.read_1000)
    free = tmp_path / "prices.toml"
    free.write_text('date = 2026-11-30\ncurrency = "EUR"\nsource = "ours"\n')
    nothing = read_prices(free)
    assert build_cost(C, 532, 8, prices=nothing).money == 0
    assert nothing.lacking == ("core_hour", "gpu_hour", "write_1000", "read_1000", "gb_month")


def test_no_limit_is_broken_at_the_archive_and_the_cache_of_a_node_is_the_first() -> None:
    campaign = campaign_cost(C, [UNET], 8, "H100")
    assert all(limit.share <= 1 for limit in limits(C, 532, campaign))
    large = limits(C, 532_000, campaign)
    assert large[0].name.startswith("scenes at ratio 2")
    assert large[0].share > 1
    assert all(one.share >= other.share for one, other in pairwise(large))
    small = {limit.name: limit.share for limit in limits(C, 5320, campaign)}
    grown = {limit.name: limit.share / small[limit.name] for limit in large}
    of_trials = {"MLflow's calls while the trials run", "trials that begin, at one driver", "memory of one driver"}
    assert grown == {name: pytest.approx(1 if name in of_trials else 100, rel=0.1) for name in grown}


def test_a_server_of_records_that_trials_wait_for_is_a_broken_limit() -> None:
    slow = C.with_values(mlflow_rate=0.01)
    worst = limits(slow, 532, campaign_cost(slow, [UNET], 64, "H100"))[0]
    assert worst.name.startswith("MLflow")
    assert worst.share > 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[raw_bytes]\nvalue = 0\n", "raw_bytes = 0.*above 0"),
        ("[raw_bytes]\nvalue = nan\n", "raw_bytes = nan.*above 0"),
        ("[raw_byte]\nvalue = 1\n", "raw_byte.*did you mean 'raw_bytes'"),
        ('[raw_bytes]\nkind = "guessed"\n', "guessed"),
        ("[raw_bytes\n", "cannot be read"),
        ("raw_bytes = 4e8\n", r"raw_bytes = 400000000.0.*write \[raw_bytes\], and below it value"),
        ("[raw_bytes]\nvalu = 4e8\n", "'valu'.*did you mean 'value'"),
        ("cards = 3\n", r"write \[cards\]"),
        ('[cards]\nH100 = "fast"\n', "cards.H100 = 'fast'"),
    ],
)
def test_figures_that_are_none_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises((CostsError, UnknownNameError), match=said):
        read_constants(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('currency = "EUR"\nsource = "x"\n', "says no date"),
        ('date = "today"\ncurrency = "EUR"\nsource = "x"\n', "is no date"),
        ('date = 2026-11-30\ncurrency = "EUR"\nsource = "x"\ngpu_hours = 2\n', "did you mean 'gpu_hour'"),
        ('date = 2026-11-30\ncurrency = "EUR"\nsource = "x"\ngpu_hour = -2\n', "0 or more"),
        ('date = 2026-11-30\ncurency = "EUR"\nsource = "x"\n', "did you mean 'currency'"),
    ],
)
def test_prices_without_a_date_or_of_something_else_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises((CostsError, UnknownNameError), match=said):
        read_prices(path)


def test_a_constant_of_ones_own_says_where_it_is_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[raw_bytes]\nvalue = 3e8\n[cards]\nB200 = 8.0\n")
    mine = read_constants(path)
    assert (mine["raw_bytes"], mine.rows["raw_bytes"].source) == (3e8, str(path))
    assert mine.bandwidth("B200") == 8e12
    assert mine.rows["scratch"] == C.rows["scratch"]


def test_every_constant_says_what_measures_it() -> None:
    for row in C.rows.values():
        assert row.unit, row.name
        assert row.source, row.name
        assert row.command.startswith(("python -m ", "none:")), row.name
