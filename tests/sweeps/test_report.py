"""The study's table and figure from rows of metrics."""

import statistics
from pathlib import Path

import pytest

from sweeps.downscale import EXPERIMENT
from sweeps.report import study_figure, study_table


def metrics(f1: float) -> dict[str, float]:
    return {
        "test/f1": f1,
        "test/f1_macro": f1 / 2,
        "test_80m/f1": f1 - 0.01,
        "test_80m/f1_macro": f1 / 2,
        "test_80m/majority_f1": 0.4,
        "test/melt/f1": 0.1,
    }


SCORES = {2: (0.80, 0.82, 0.87), 5: (0.70, 0.75, 0.77), 10: (0.6, 0.6, 0.6)}


def finished(skip: int = 0) -> dict[str, dict[str, float]]:
    trials = EXPERIMENT.trials()[: len(EXPERIMENT.trials()) - skip]
    return {trial.spec.trial_id: metrics(SCORES[trial.spec.data.ratio][trial.spec.seed]) for trial in trials}


def test_mean_spread_and_number_over_seeds() -> None:
    table = study_table(EXPERIMENT, EXPERIMENT.trials(), finished())
    assert table.summary["data.ratio"].tolist() == [2, 5, 10]
    assert table.summary["n"].tolist() == [3, 3, 3]
    assert table.summary["test/f1/mean"].tolist() == pytest.approx([statistics.mean(each) for each in SCORES.values()])
    assert table.summary["test/f1/spread"].tolist() == pytest.approx(
        [statistics.stdev(each) for each in SCORES.values()]
    )


def test_table_for_people() -> None:
    text = study_table(EXPERIMENT, EXPERIMENT.trials(), finished(skip=2)).to_markdown()
    lines = text.splitlines()
    assert lines[0].startswith("| ratio (spacing) | weighted F1, own grid, % |")
    assert lines[2].startswith("| 2 (80 m) | 83.0 ± 3.6 | 41.5 ± 1.8 | 82.0 ± 3.6 |")
    assert lines[4].startswith("| 10 (400 m) | 60.0 | ")
    assert lines[4].endswith("| 1 |")


def test_csv_keeps_full_precision() -> None:
    text = study_table(EXPERIMENT, EXPERIMENT.trials(), finished()).to_csv()
    assert "data.ratio,n,test/f1/mean,test/f1/spread" in text.splitlines()[0]
    assert "0.8299999" in text or "0.83" in text


def test_trials_of_other_specs_are_not_counted() -> None:
    rows = finished() | {"0123456789ab": metrics(0.0)}
    assert study_table(EXPERIMENT, EXPERIMENT.trials(), rows).summary["n"].sum() == 9


def test_figure_has_named_axes_with_units(tmp_path: Path) -> None:
    figure = study_figure(EXPERIMENT, study_table(EXPERIMENT, EXPERIMENT.trials(), finished()))
    left, right = figure.axes
    assert left.get_ylabel() == "test weighted F1 [%]"
    assert right.get_ylabel() == "test macro F1 [%]"
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["2 (80 m)", "5 (200 m)", "10 (400 m)"]
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_nothing_finished_is_an_empty_table() -> None:
    table = study_table(EXPERIMENT, EXPERIMENT.trials(), {})
    assert table.trials.empty
    assert table.cells()[0] == ["ratio (spacing)", "seeds"]
