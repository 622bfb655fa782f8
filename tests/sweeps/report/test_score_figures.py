"""Lines, dots and differences: labels with units, a mark only where something is told apart."""

from sweeps.report.drawing import COLOURS
from sweeps.report.study_figures import against_figures, main_figures
from tests.sweeps.report.drawn_cells import by_name, made, ticks


def test_numbers_are_a_line_a_grid() -> None:
    figures = by_name(main_figures(made({"data.ratio": ("2", "5", "10")})))
    assert list(figures) == ["scores"]
    weighted, macro = figures["scores"].axes
    assert weighted.get_ylabel() == "test weighted F1 [%]"
    assert macro.get_ylabel() == "test macro F1 over ice [%]"
    assert weighted.get_xlabel() == "ratio (spacing)"
    assert ticks(weighted.xaxis) == ["2 (80 m)", "5 (200 m)", "10 (400 m)"]
    (legend,) = figures["scores"].legends
    assert [text.get_text() for text in legend.get_texts()][:2] == ["80 m grid", "own grid"]


def test_words_are_rows_of_dots_and_networks_have_bars_too() -> None:
    figures = by_name(main_figures(made({"model.name": ("unet", "cnn")})))
    assert list(figures) == ["scores", "networks"]
    assert ticks(figures["scores"].axes[0].yaxis) == ["unet", "cnn"]
    bars = figures["networks"].axes[0]
    assert bars.get_ylabel() == "test score, weighted [%]"
    assert len(bars.patches) == 2 * 5
    assert bars.get_ylim() == (0, 100)
    colours = {patch.get_facecolor() for patch in bars.patches}
    assert len(colours) == 5


def test_a_number_and_few_words_are_lines_by_word() -> None:
    figures = by_name(main_figures(made({"model.name": ("unet", "cnn"), "data.ratio": ("2", "5")})))
    (legend,) = figures["scores"].legends
    names = [text.get_text() for text in legend.get_texts()]
    assert {"network unet", "network cnn"} <= set(names)


def test_one_factor_at_a_time_is_rows_by_factor() -> None:
    cells = [("optimizer.lr", "0.001"), ("optimizer.lr", "0.0001"), ("loss.name", "focal")]
    axes = {"factor": ("optimizer.lr", "loss.name"), "value": ("0.001", "0.0001", "focal")}
    figures = by_name(main_figures(made(axes, cells=cells, trials=6)))
    assert ticks(figures["scores"].axes[0].yaxis) == ["learning rate 0.001", "learning rate 0.0001", "loss focal"]


def test_a_forest_is_hollow_where_nothing_is_told_apart() -> None:
    figures = by_name(against_figures(made({"x": ("a", "b", "c", "d")})))
    roles = ("differences_from_reference", "differences_from_best")
    assert list(figures) == [*roles, *(f"{role}_ice" for role in roles)]
    (panel,) = figures["differences_from_reference"].axes
    assert panel.get_xlabel() == "difference from a: weighted F1, 80 m grid [%\u00a0points]"
    assert ticks(panel.yaxis) == ["b", "c", "d"]
    assert {line.get_markerfacecolor() for line in panel.lines if line.get_marker() == "o"} <= {COLOURS[0], "white"}


def test_the_label_of_differences_stays_on_the_figure() -> None:
    cells = ("melt, source, size-matched, own", "freeze, source, size-matched, own", "both, source, size-matched, own")
    for name, figure in by_name(against_figures(made({"x": cells}))).items():
        (panel,) = figure.axes
        figure.draw_without_rendering()
        there, page = panel.xaxis.label.get_window_extent(), figure.bbox
        assert page.x0 <= there.x0 <= there.x1 <= page.x1, name
        assert page.y0 <= there.y0, name
