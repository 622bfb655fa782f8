"""Shares of importance by numbers that are known, their spread over seeds, their order."""

import numpy as np
import pytest

from datasets.channels import group_of
from datasets.labels import SOD
from sweeps.report.importance import MEAN, Importance
from tests.sweeps.report.explained_networks import invented


@pytest.fixture(scope="module")
def importance() -> Importance:
    evidence, results = invented()
    return Importance(evidence=evidence, results=results, problems={})


def test_shares_add_up_and_spreads_are_over_seeds(importance: Importance) -> None:
    frame = importance.spreads
    assert "scene/one" not in set(frame["bin"])
    place = ["task", "network", "method", "bin", "class", "is_group"]
    assert frame.groupby(place)["share"].sum().to_numpy() == pytest.approx(1.0)
    assert set(frame["seeds"]) == {3}
    assert set(frame["class"]) == {*SOD.classes[:-1], MEAN}, "a class without a pixel has no rows"
    rows = importance.shares
    wanted = (rows["network"] == "unet") & (rows["method"] == "deeplift") & (rows["bin"] == "all")
    some = rows[wanted & (rows["class"] == "young_ice") & (rows["feature"] == "t2m")]
    own = frame[(frame["network"] == "unet") & (frame["method"] == "deeplift") & (frame["bin"] == "all")]
    (row,) = own[(own["class"] == "young_ice") & (own["feature"] == "t2m")].to_dict("records")
    assert row["share"] == pytest.approx(np.mean(some["share"]))
    assert row["share_spread"] == pytest.approx(np.std(some["share"], ddof=1))
    assert row["absolute_spread"] == pytest.approx(np.std(some["absolute"], ddof=1))
    assert row["n"] == 10_000


def test_every_class_counts_alike_in_the_mean(importance: Importance) -> None:
    own = importance.of("pixel-based", "unet")
    own = own[(own["method"] == "deeplift") & (own["feature"] == "t2m")].set_index("class")["share"]
    assert own[MEAN] == pytest.approx(own.drop(MEAN).mean())


def test_bins_stand_by_kind_and_through_the_year(importance: Importance) -> None:
    assert list(dict.fromkeys(importance.spreads["bin"])) == [
        *("all", "season/winter", "season/summer", "location/cat1", "cryoseason/melt")
    ]


def test_channels_stand_by_group(importance: Importance) -> None:
    own = importance.of("patch-based", "resnet50")
    one = own[(own["method"] == "deeplift") & (own["class"] == MEAN)]
    assert list(one["group"]) == sorted(one["group"], key=("SAR", "geography", "AMSR2", "ERA5", "time").index)
    assert list(one["group"]) == [group_of(name) for name in one["feature"]]
