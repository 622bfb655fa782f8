"""Tables of attributions: by group, by channel, by season and location."""

import pytest

from sweeps.report.importance import MEAN, Importance
from sweeps.report.importance_tables import (
    bin_label,
    channels_tables,
    importance_bins_table,
    importance_table,
    method_label,
)
from tests.sweeps.report.explained_networks import invented
from training.attribution.settings import METHODS


@pytest.fixture(scope="module")
def importance() -> Importance:
    evidence, results = invented(2, METHODS[:2])
    return Importance(evidence=evidence, results=results, problems={})


def test_a_row_is_a_network_and_a_method_and_groups_add_up(importance: Importance) -> None:
    table = importance_table(importance)
    assert table.header == ("task", "network", "method", "SAR", "geography", "AMSR2", "ERA5", "time", "seeds")
    assert [row[:3] for row in table.rows] == [
        (task, network, method_label(method))
        for task, network in (("pixel-based", "unet"), ("patch-based", "resnet50"))
        for method in METHODS[:2]
    ]
    for row in table.rows:
        assert sum(float(cell.split(" ± ")[0]) for cell in row[3:-1]) == pytest.approx(100, abs=0.3)
        assert row[-1] == "2"
    assert "bin" not in table.numbers.columns
    assert MEAN in set(table.numbers["class"])


def test_bins_have_their_own_table(importance: Importance) -> None:
    table = importance_bins_table(importance)
    assert table is not None
    assert list(dict.fromkeys(row[3] for row in table.rows)) == ["winter", "summer", "cat1", "melt"]
    assert "all" not in set(table.numbers["bin"])
    assert (bin_label("all"), bin_label("season/winter")) == ("all scenes", "winter")


def test_every_network_has_a_table_of_its_channels(importance: Importance) -> None:
    first, second = channels_tables(importance)
    assert (first.name, second.name) == ("channels_pixel_unet", "channels_patch_resnet50")
    assert first.header == ("channel", "group", *map(method_label, METHODS[:2]))
    shares = {row[0]: float(row[2].split(" ± ")[0]) for row in first.rows}
    assert max(shares, key=shares.__getitem__) == "longitude"
    assert sum(shares.values()) == pytest.approx(100, abs=1)


def test_methods_are_named_as_people_do() -> None:
    assert [method_label(name) for name in ("gradient_shap", "deeplift", "feature_ablation")] == [
        "Gradient SHAP",
        "DeepLIFT",
        "Feature ablation",
    ]
