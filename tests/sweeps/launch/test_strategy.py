"""Searches and schedulers by the words of the command line, and the studies that they make."""

import pytest

from sweeps.design.catalogue import study
from sweeps.design.experiment import ExperimentError
from sweeps.launch.strategy import SAMPLES, Strategy, searched


def test_words() -> None:
    assert Strategy.parse("grid", "none") == Strategy()
    assert Strategy.parse("optuna", "asha") == Strategy(search="optuna", samples=SAMPLES, scheduler="asha")
    assert Strategy.parse("random:7", "none").samples == 7


def test_what_a_search_makes_stands_apart_from_the_study() -> None:
    parameters = study("model_parameters")
    assert searched(parameters, Strategy.parse("grid", "asha")).name == "model_parameters", "the same trials, stopped"
    assert searched(parameters, Strategy.parse("grid", "pbt")).name == "model_parameters-pbt"
    drawn = searched(parameters.of_task("pixel"), Strategy.parse("random:7", "none"))
    assert drawn.name == "model_parameters-random"
    assert len(drawn.trials()) == 7
    assert {trial.spec.seed for trial in drawn.trials()} == {0}
    with pytest.raises(ExperimentError, match="looks at one task at a time"):
        searched(parameters, Strategy.parse("optuna", "none"))
