"""Two charts of one frame, by hand and against scikit-learn."""

from datetime import timedelta

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score
from typer.testing import CliRunner

from datasets.__main__ import app
from datasets.agreement import compare_charts, frames_charted_twice
from datasets.catalog import Catalog
from datasets.labels import IGNORE, SOD
from datasets.lake import Lake

PAIR = ("20200101T000000_dmi", "20200101T000000_cis")


def test_only_pixels_that_both_label_are_compared() -> None:
    first = np.array([[0, 0, 5], [1, IGNORE, 5]], np.uint8)
    second = np.array([[0, 1, 5], [1, 1, IGNORE], [3, 3, 3]], np.uint8)
    found = compare_charts(PAIR, SOD, first, second)
    assert (found.both, found.labelled) == (4, (5, 5))
    assert found.agreement == 0.75
    assert found.counts[0, 1] == 1


def test_scores_are_those_of_scikit_learn_and_the_same_both_ways() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 6, (40, 50)).astype(np.uint8)
    second = np.where(rng.random((40, 50)) < 0.6, first, rng.integers(0, 6, (40, 50))).astype(np.uint8)
    found, back = (compare_charts(PAIR, SOD, *pair) for pair in ((first, second), (second, first)))
    assert found.kappa == pytest.approx(cohen_kappa_score(first.ravel(), second.ravel()))
    assert found.f1(macro=True) == pytest.approx(f1_score(first.ravel(), second.ravel(), average="macro"))
    assert (found.f1(), found.kappa) == pytest.approx((back.f1(), back.kappa))


def test_a_frame_is_one_acquisition_of_two_services(tiny_lake: Lake) -> None:
    one = tiny_lake.catalog().records[0]
    other = "cis" if one.provider == "dmi" else "dmi"
    twin = one.model_copy(update={"scene_id": f"{one.scene_id}_2", "provider": other})
    later = twin.model_copy(update={"acquired": one.acquired + timedelta(seconds=1)})
    again = twin.model_copy(update={"provider": one.provider})
    bare = twin.model_copy(update={"charted": False})
    assert [tuple(each.scene_id for each in pair) for pair in frames_charted_twice(Catalog((one, twin)))] == [
        (one.scene_id, twin.scene_id)
    ]
    for stranger in (later, again, bare):
        assert frames_charted_twice(Catalog((one, stranger))) == ()


def test_the_command_compares_the_charts_of_a_lake(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = CliRunner().invoke(app, ["agreement", tiny_lake.url])
    assert alone.exit_code == 0
    assert "no frame of this lake was charted by two" in alone.output
    pair = tiny_lake.catalog().records[:2]
    monkeypatch.setattr("datasets.agreement.frames_charted_twice", lambda catalog: (pair,))
    both = CliRunner().invoke(app, ["agreement", tiny_lake.url, "--ratio", "10"], env={"COLUMNS": "200"})
    assert both.exit_code == 0, both.output
    assert all(name in both.output for name in ("SIC", "SOD", "FLOE", "kappa", "400 m"))
    assert CliRunner().invoke(app, ["agreement", tiny_lake.url, "--ratio", "7"]).exit_code == 2
