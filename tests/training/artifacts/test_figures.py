from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from datasets.labels import FLOE, SIC, SOD, Chart
from training.artifacts.figures import confusion_figure, curves_figure, save_figure, text_colour, wrapped
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


@pytest.mark.parametrize(
    ("words", "width", "lines"),
    [
        ("terramind_v1_large_with_lora_rank_16", 34, "terramind_v1_large_\nwith_lora_rank_16"),
        ("models.networks:EdgeAwareIceUNet", 12, "models.\nnetworks:\nEdgeAwareIceUNet"),
        ("thick first year ice", 12, "thick first\nyear ice"),
        ("weighted F1 [%\u00a0points]", 12, "weighted F1\n[%\u00a0points]"),
        ("best: ratio 5 (200 m), 80 m grid, 0.5 % less", 24, "best: ratio 5 (200 m),\n80 m grid, 0.5 % less"),
        ("unet", 34, "unet"),
        ("", 34, ""),
    ],
)
def test_long_words_are_lines_of_like_length(words: str, width: int, lines: str) -> None:
    assert wrapped(words, width) == lines


def test_text_can_be_read_on_its_ground() -> None:
    assert [text_colour(ground) for ground in ((1, 1, 1), (0.3, 0.6, 0.8), (0.0, 0.2, 0.4))] == ["black"] * 2 + [
        "white"
    ]


def test_a_long_name_leaves_a_matrix_its_room() -> None:
    figure = confusion_figure(ConfusionMatrix(np.eye(6, dtype=int)), SOD, "models.networks:EdgeAwareIceUNet, " * 6)
    figure.draw_without_rendering()
    assert figure.axes[0].get_position().width > 0.6
    title = figure.axes[0].title.get_window_extent()
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.x1


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


@pytest.mark.parametrize(("score", "shown"), [(0.7, ["F1"]), (0.6, ["F1", "score"])])
def test_a_score_that_is_f1_hides_no_line(score: float, shown: list[str]) -> None:
    @dataclass
    class ScoredRow:
        epoch: int
        lr: float = 1e-3

        def metrics(self) -> dict[str, float]:
            return {"lr": 1e-3, "train/loss": 1.0, "val/loss": 2.0, "val/f1": 0.7, "val/score": score}

    legend = curves_figure([ScoredRow(0), ScoredRow(1)], 1, "title").axes[1].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [*shown, "kept: epoch 1"]
