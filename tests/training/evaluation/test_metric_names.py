"""Names of metrics, read back."""

import pytest

from training.evaluation.bins import Bin, ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metric_names import MetricName, class_key, grids_in, parse_metric, split_grid
from training.evaluation.metrics import metrics_of


def test_every_metric_of_a_trial_reads_back_as_it_is_written() -> None:
    sums = {
        ScoreKey(grid, chart, Bin.parse(name)): ConfusionMatrix(
            [[int(row == column) + 1 for column in range(n)] for row in range(n)]
        )  # type: ignore[arg-type]
        for grid in ("test", "test_80m", "test_patches")
        for chart, n in (("SOD", 6), ("SIC", 11), ("FLOE", 7))
        for name in ("all", "season/winter", "location/cat1", "cryoseason/melt", "scene/a")
    }
    names = metrics_of(sums, ("SOD", "SIC", "FLOE"))
    others = ("majority_f1", "autoice_sic_r2", "autoice_sod_f1", "autoice_floe_f1")
    read = {name: parse_metric(name) for name in names if not name.endswith(others)}
    assert len(read) > 200
    assert all(str(metric) == name for name, metric in read.items())


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("test_80m/f1", MetricName(grid="test_80m", score="f1")),
        ("test/FLOE/winter/f1", MetricName(grid="test", chart="FLOE", bin="winter", score="f1")),
        ("test/class/old_ice/iou", MetricName(grid="test", class_name="old_ice", score="iou")),
        ("test_80m/autoice", MetricName(grid="test_80m", score="autoice")),
        ("best/val_loss", None),
        ("cost/seconds", None),
        ("test", None),
        ("test/f2", None),
        ("testing/f1", None),
    ],
)
def test_parts_of_a_name(name: str, metric: MetricName | None) -> None:
    assert parse_metric(name) == metric


def test_grids_are_those_of_test_scenes() -> None:
    names = ["test_80m/majority_f1", "test/SOD/winter/f1", "best/val_f1", "cost/seconds", "testing/f1", "test"]
    assert [split_grid(name) for name in names] == [
        ("test_80m", "majority_f1"), ("test", "SOD/winter/f1"), None, None, None, None,
    ]  # fmt: skip
    assert grids_in(names) == ["test", "test_80m"]


def test_classes_are_spelt_for_every_tracker() -> None:
    assert (class_key("10%"), class_key("old_ice")) == ("10_percent", "old_ice")
