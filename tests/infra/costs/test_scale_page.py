"""The figures of docs/scale.md are the model's."""

from pathlib import Path
from typing import Final

import pytest

from infra.costs.build import build_cost
from infra.costs.campaign import CampaignCost, campaign_cost
from infra.costs.constants import read_constants
from infra.costs.limits import limits
from infra.costs.studies import work_of
from infra.costs.tables import words_of
from sweeps.design.catalogue import study_names

PAGE: Final = (Path(__file__).parents[3] / "docs/scale.md").read_text()
C: Final = read_constants()
SIZES: Final = (532, 5320, 532_000)


def _campaign(scenes: int, gpus: int) -> CampaignCost:
    return campaign_cost(C, work_of(study_names(), C, scenes), gpus, "H100", scenes=scenes)


@pytest.mark.parametrize("scenes", SIZES)
def test_builds_and_trials_of_a_size(scenes: int) -> None:
    builds, trials = (line for line in PAGE.splitlines() if line.startswith(f"| {scenes:,} |"))
    for workers in (1, 4):
        assert f"| {words_of(build_cost(C, scenes, workers).seconds)}" in builds
    assert f"| {_campaign(scenes, 1).gpu_hours:,.0f} |" in trials
    for gpus in (1, 8, 64):
        assert f"| {words_of(_campaign(scenes, gpus).seconds)} |" in trials
    assert (_campaign(scenes, 64).first == "the longest trial") == ("at 64 the longest trial" in trials)


def test_a_nearer_archive() -> None:
    cost = build_cost(C.with_values(archive_rate=1e9), 532_000, 64)
    assert f"64 workers have 532,000 scenes in {words_of(cost.seconds)}" in PAGE


def test_what_is_bearable() -> None:
    campaign = _campaign(532, 1)
    rows = PAGE.partition("## What breaks first")[2]
    for limit in limits(C, 532_000, campaign):
        at = {"GPUs": 1 / limit.share, "trials": campaign.trials / limit.share, "scenes": 532_000 / limit.share}
        unit = "GPUs" if limit.unit.endswith("/s") else "trials" if limit.name.endswith("driver") else "scenes"
        assert f"| {float(f'{at[unit]:.2g}'):,.0f} {unit}" in rows, limit.name
    mean = campaign.gpu_hours / campaign.trials
    assert f"{words_of(3600 * mean)} in the mean" in rows
    assert all(limit.share <= 1 for limit in limits(C, 532, campaign))
