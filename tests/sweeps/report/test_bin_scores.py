"""Scores by season and location: what a report concludes where a season has an effect, and where it has none."""

import pytest

from sweeps.report.bin_scores import POOLED, bin_answers, bin_differences_table, bins_of_study, bins_table
from sweeps.report.study_report import make_report
from tests.sweeps.report.scene_study import scene_study


def test_a_bin_is_compared_on_its_scenes_alone() -> None:
    study = scene_study(lambda labels: 0.7)
    winter, cat4 = bins_of_study(study)
    assert (winter.scenes, cat4.scenes) == (10, 0)
    assert winter.heading.startswith("winter: 10 scenes, ")
    key = study.evidence.keys[0]
    assert winter.comparison.scenes(key) == 10
    assert winter.comparison.spread(key, "test_80m/f1") == study.spread(key, "test_80m/winter/f1")
    alone = winter.comparison.scene_interval(key)
    assert alone.low < winter.comparison.spread(key, "test_80m/f1").mean < alone.high
    table = bins_table(study, (winter, cat4))
    assert table is not None
    assert all(" to " in row[3] and row[4] == "no test scenes" for row in table.rows)
    assert table.numbers["test_80m/winter/f1/scenes"].tolist() == [10] * 4


def test_a_season_without_effect_is_not_told_apart_from_as_many_scenes_of_all() -> None:
    bins = bins_of_study(scene_study(lambda labels: 0.7))
    sentence, by_ice, nothing = bin_answers(bins)
    assert "macro F1" in by_ice
    assert sentence.startswith("Scored on winter: 10 scenes")
    assert "against as many scenes of all: not told apart" in sentence
    assert "worse" not in sentence
    assert "no such scene" in nothing


def test_a_season_with_an_effect_is_found_in_its_bin() -> None:
    bad = {("summer", "own"): 0.4}
    study = scene_study(lambda labels: bad.get((labels["train.season"], labels["scenes"]), 0.75))
    bins = bins_of_study(study)
    sentence = bin_answers(bins)[0]
    assert "worse: summer" in sentence
    assert "not told apart: winter" in sentence
    table = bin_differences_table(bins)
    assert table is not None
    assert [row[0] for row in table.rows] == ["winter"] * 4, "two sets of scenes, by both scores"
    assert table.numbers["bin"].tolist() == ["winter"] * 4
    assert set(table.numbers["level"]) != {0.05}, "corrected for their number"


@pytest.mark.slow
def test_the_answer_of_such_a_study_begins_with_its_bins() -> None:
    report = make_report(scene_study(lambda labels: 0.7).evidence)
    assert report.answers[0].startswith("Scored on winter")
    assert POOLED in report.answers
    assert report.bins is not None
    assert "bin_differences" in {table.name for table in report.details}
