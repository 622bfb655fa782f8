"""Classes that training scenes lack: what tables say of them, and when a verdict is arithmetic."""

import numpy as np
import pytest

from sweeps.report.score_tables import reading, scores_table
from sweeps.report.seen import ceiling, seen_score, trained_table, unseen_classes, with_unseen
from tests.sweeps.report.scene_study import scene_study
from training.evaluation.bins import ScoreKey

LACKS = {"summer": ("new_ice", "young_ice")}


def test_tables_name_classes_that_were_never_seen_and_the_share_of_ice_that_is_scored() -> None:
    study = scene_study(lambda labels: 0.7, LACKS)
    note = with_unseen(scores_table(study), study).note
    assert "Never seen in training, so never predicted: new ice, young ice (summer" in note
    assert "Of the ice of the test scenes 60% has a label" in note
    plain = scene_study(lambda labels: 0.7)
    assert "Never seen" not in with_unseen(scores_table(plain), plain).note


def test_a_cell_has_its_scenes_and_scores_over_seen_classes_and_over_all() -> None:
    study = scene_study(lambda labels: 0.7, LACKS)
    table = trained_table(study)
    assert table is not None
    summer = next(row for row in table.rows if row[:3] == ("summer", "source", "own"))
    assert summer[3:8] == ("new ice, young ice", "7", "12.0", "67%", "2")
    (key,) = (each for each in study.evidence.keys if each == ("summer", "source", "own"))
    assert unseen_classes(study, key) == LACKS["summer"]
    result = study.evidence.trials_of(key)[0].result
    assert result is not None
    counts = np.array(result.matrices[ScoreKey("test_80m", "SOD")])
    assert ceiling(study, key) == pytest.approx(1 - counts[1:3].sum() / counts.sum())
    assert seen_score(study, key) != study.spread(key, study.objective).mean
    other = ("winter", "source", "own")
    assert ceiling(study, other) == 1.0
    assert seen_score(study, other) == pytest.approx(study.spread(other, study.objective).mean)


def test_what_no_training_could_have_reached_is_arithmetic() -> None:
    good = {("summer", "own"): 0.5}
    lacks = {"summer": ("new_ice", "young_ice", "thin_first_year_ice", "old_ice")}
    study = scene_study(lambda labels: good.get((labels["train.season"], labels["scenes"]), 0.9), lacks)
    keys = ("summer", "source", "own"), ("summer", "source", "size-matched")
    assert ceiling(study, keys[0]) < study.spread(keys[1], study.objective).mean
    assert reading(study, study.difference(*keys)) == "worse by arithmetic"
    seen = scene_study(lambda labels: good.get((labels["train.season"], labels["scenes"]), 0.9))
    assert reading(seen, seen.difference(*keys)) == "worse"


def test_results_of_an_earlier_program_have_no_such_table() -> None:
    study = scene_study(lambda labels: 0.7)
    bare = [
        trial.result.model_copy(update={"trained_on": None})
        for trial in study.evidence.finished
        if trial.result is not None
    ]
    for trial, result in zip(study.evidence.finished, bare, strict=True):
        object.__setattr__(trial, "result", result)
    assert trained_table(study) is None
