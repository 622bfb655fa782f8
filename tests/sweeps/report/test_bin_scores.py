"""Scores by season and location: what a report concludes where a season has an effect, and where it has none."""

import numpy as np
import pytest

from sweeps.report.bin_scores import EVERY, POOLED, bin_answers, bin_differences_table, bins_of_study, bins_table
from sweeps.report.study_report import make_report
from tests.sweeps.report.scene_study import scene_study


def test_a_bin_is_compared_on_its_scenes_alone() -> None:
    study = scene_study(lambda labels: 0.7)
    every, winter, cat4 = bins_of_study(study)
    assert (every.name, every.scenes, every.passes) == (EVERY, 40, 40)
    assert every.comparison is study
    assert (winter.scenes, cat4.scenes) == (10, 0)
    assert winter.heading.startswith("winter: 10 scenes, ")
    key = study.evidence.keys[0]
    assert winter.comparison.scenes(key) == 10
    assert winter.comparison.spread(key, "test_80m/f1") == study.spread(key, "test_80m/winter/f1")
    alone = winter.comparison.scene_interval(key)
    assert alone.low < winter.comparison.spread(key, "test_80m/f1").mean < alone.high
    table = bins_table(study, (every, winter, cat4))
    assert table is not None
    assert all(" to " in row[3] and row[4] == "no test scenes" for row in table.rows)
    assert table.numbers["test_80m/winter/f1/scenes"].tolist() == [10] * 4


def test_a_season_without_effect_is_not_told_apart_from_as_many_scenes_of_all() -> None:
    bins = bins_of_study(scene_study(lambda labels: 0.7))
    of_all, _, sentence, by_ice, nothing = bin_answers(bins)
    assert of_all.startswith("Scored on all test scenes: 40 scenes")
    assert "against as many scenes of all: not told apart" in of_all
    assert "macro F1" in by_ice
    assert sentence.startswith("Scored on winter: 10 scenes")
    assert "against as many scenes of all: not told apart" in sentence
    assert "worse" not in sentence
    assert "no such scene" in nothing


def test_a_set_counts_as_one_draw_in_every_group() -> None:
    study = scene_study(lambda labels: 0.7)
    every, winter, _ = bins_of_study(study)
    for each in (every, winter):
        own = each.asked[0]
        plain = each.comparison.difference(own.key, own.against)
        assert own.value == plain.value
        assert np.std(own.draws) > 1.2 * np.std(plain.draws)


def test_a_season_with_an_effect_is_found_in_its_bin() -> None:
    bad = {("summer", "own"): 0.4}
    study = scene_study(lambda labels: bad.get((labels["train.season"], labels["scenes"]), 0.75))
    bins = bins_of_study(study)
    sentence = bin_answers(bins)[2]
    assert "worse: summer" in sentence
    assert "not told apart: winter" in sentence
    table = bin_differences_table(bins)
    assert table is not None
    groups = [EVERY] * 4 + ["winter"] * 4
    assert [row[0] for row in table.rows] == groups, "two sets of scenes, by both scores"
    assert table.numbers["bin"].tolist() == groups
    assert set(table.numbers["level"]) != {0.05}, "corrected for their number"


def test_a_bin_of_few_passes_says_that_nothing_can_be_told_apart_there() -> None:
    bad = {("summer", "own"): 0.2}
    study = scene_study(lambda labels: bad.get((labels["train.season"], labels["scenes"]), 0.75), n_scenes=28)
    every, winter, _ = bins_of_study(study)
    assert (every.undecidable, winter.passes) == ("", 7)
    assert "7 orbit passes cannot tell any difference apart, whatever the scores" in winter.undecidable
    assert "each of 8 differences together needs 0.0063, which takes 9 passes" in winter.undecidable
    of_all, _, *of_winter = bin_answers((every, winter))
    assert "worse: summer" in of_all
    assert of_winter == [f"Scored on {winter.heading}: cannot be decided, since {winter.undecidable}."]
    table = bin_differences_table((every, winter))
    assert table is not None
    assert f"winter: {winter.undecidable}" in table.note
    assert {row[-1] for row in table.rows if row[0] == "winter"} == {"cannot be decided"}
    assert {each.level for each in every.asked} <= {0.05 / 4, 0.05 / 3, 0.05 / 2, 0.05}, "winter does not count"


@pytest.mark.slow
def test_the_answer_of_such_a_study_begins_with_its_bins() -> None:
    report = make_report(scene_study(lambda labels: 0.7).evidence)
    assert report.answers[0].startswith("Scored on all test scenes")
    assert any(each.startswith("Scored on winter") for each in report.answers)
    assert POOLED in report.answers
    assert report.bins is not None
    assert "bin_differences" in {table.name for table in report.details}
