"""Words for cells, values and metrics."""

import pytest

from sweeps.report.wording import axis_value, cell_label, metric_label, percent


@pytest.mark.parametrize(
    ("axes", "key", "words"),
    [
        (("data.ratio",), ("5",), "ratio 5 (200 m)"),
        (("model.name",), ("unet",), "unet"),
        (("task", "data.patch_size"), ("patch", "224"), "patch-based, patch size 224"),
        (("task", "factor", "value"), ("pixel", "optimizer.lr", "0.001"), "pixel-based, learning rate 0.001"),
        (("task", "factor", "value"), ("pixel", "base", "base"), "pixel-based, base"),
        (("task", "data.stride"), ("pixel", ""), "pixel-based"),
        (("data.train.season",), ("None",), "trained on season all"),
        ((), (), "all trials"),
    ],
)
def test_cells_in_words(axes: tuple[str, ...], key: tuple[str, ...], words: str) -> None:
    assert cell_label(axes, key) == words


def test_words_of_values_and_metrics() -> None:
    assert axis_value("data.ratio", "10") == "10 (400 m)"
    assert axis_value("task", "") == "–"
    assert metric_label("test_80m/winter/f1") == "weighted F1, winter, 80 m grid"
    assert metric_label("test/FLOE/class/big_floe/iou") == "FLOE, IoU of big floe, own grid"
    assert metric_label("test_patches/majority_f1") == "majority class, pure patches"
    assert percent(float("nan")) == "–"
