from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from datasets.labels import FLOE, SIC, SOD, Chart
from training.artifacts.figures import Backscatter, confusion_figure, curves_figure, map_figure, save_figure
from training.evaluation.confusion import ConfusionMatrix
from training.loop.trainer import EpochRow


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def png(figure: Figure, path: Path) -> None:
    assert save_figure(figure, path) == path
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 5000


@pytest.mark.parametrize("chart", [SOD, SIC, FLOE])
def test_confusion_figure_shows_counts_and_row_shares(chart: Chart, tmp_path: Path) -> None:
    counts = np.zeros((chart.n_classes, chart.n_classes), int)
    counts[0, :2] = [1_500_000, 500_000]
    figure = confusion_figure(ConfusionMatrix(counts), chart, "title")
    assert "75%\n1.5M" in texts(figure)
    assert "25%\n500.0k" in texts(figure)
    counts[1, 0], counts[1, 1] = 1, 999
    few = confusion_figure(ConfusionMatrix(counts), chart, "title", unit="patches")
    assert "<1%\n1" in texts(few), "one of a thousand is not 0%"
    assert "patches" in few.axes[0].get_ylabel()
    assert ("R2" in few.axes[0].get_title()) == (chart is SIC)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[0] == f"{chart.classes[0].replace('_', ' ')}\n2.0M px"
    png(figure, tmp_path / "new" / "cm.png")


def test_confusion_figure_of_no_pixel(tmp_path: Path) -> None:
    png(confusion_figure(ConfusionMatrix.zero(6), SOD, "title"), tmp_path / "cm.png")


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [1, 60])
def test_curves_mark_the_kept_epoch(epochs: int, tmp_path: Path) -> None:
    rows = [
        EpochRow(
            epoch=epoch,
            lr=1e-3,
            train_loss=1.0,
            val_loss=2.0,
            val_f1=0.5,
            val_f1_macro=0.4,
            val_accuracy=0.6,
            val_score=0.5,
            patches_per_second=1.0,
            data_wait_share=0.0,
            bytes_per_patch=1.0,
        )
        for epoch in range(epochs)
    ]
    figure = curves_figure(rows, 0, "title")
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train", "val", "kept: epoch 0"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch"] * 3
    png(figure, tmp_path / "curves.png")


def test_curves_show_every_val_score_that_rows_have(tmp_path: Path) -> None:
    @dataclass
    class LongRow:
        epoch: int
        lr: float = 1e-3

        def metrics(self) -> dict[str, float]:
            late = {"val/FLOE/f1": 0.5} if self.epoch else {}
            return {"lr": 1e-3, "train/loss": 1.0, "val/loss": 2.0, "val/SIC/r2": -0.4, "val/f1_macro": np.nan, **late}

    figure = curves_figure([LongRow(0), LongRow(1)], 1, "title")
    legend = figure.axes[1].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["SIC R2", "F1 macro", "FLOE F1", "kept: epoch 1"]
    assert figure.axes[1].get_ylim() == (-0.4, 1.0)
    png(figure, tmp_path / "curves.png")


def test_map_shows_km_classes_and_the_share_that_is_wrong(tmp_path: Path) -> None:
    truth = np.zeros((50, 100), np.uint8)
    truth[:, :50] = 255
    predicted = truth.copy()
    predicted[:, :50] = 3
    predicted[:, 50:75] = 5
    hh = Backscatter(values=np.full((25, 50), np.nan, np.float32), spacing_m=800)
    figure = map_figure(hh, hh, truth, predicted, SOD, spacing_m=400, title="title")
    titles = [axes.get_title() for axes in figure.axes]
    assert "difference (50.0% wrong)" in titles
    for axes in figure.axes[:5]:
        assert axes.images[0].get_extent() == [0.0, 40.0, 20.0, 0.0], "SAR on a coarser grid is as wide"
    assert figure.axes[0].get_ylabel() == "along track [km]"
    png(figure, tmp_path / "map.png")


def test_large_and_unlabelled_maps(tmp_path: Path) -> None:
    nothing = np.full((2500, 3000), 255, np.uint8)
    hh = Backscatter(values=nothing.astype(np.float32), spacing_m=40)
    figure = map_figure(hh, hh, nothing, nothing, SOD, spacing_m=40, title="t")
    assert "difference (no labelled pixel)" in [axes.get_title() for axes in figure.axes]
    assert max(figure.axes[2].images[0].get_size()) <= 600
    assert max(figure.axes[0].images[0].get_size()) <= 600
    assert figure.axes[2].images[0].get_extent() == [0.0, 120.0, 100.0, 0.0]
    png(figure, tmp_path / "map.png")
