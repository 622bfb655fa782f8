"""Searches and schedulers by the words of the command line, and the studies that they make."""

import pytest

from sweeps.design.catalogue import study
from sweeps.design.experiment import ExperimentError
from sweeps.launch.strategy import SAMPLES, OptunaSearch, RandomSearch, Strategy, parse_strategy


def test_words() -> None:
    assert parse_strategy("grid", "none") == Strategy()
    assert parse_strategy("optuna", "asha") == OptunaSearch(samples=SAMPLES, asha=True)
    assert parse_strategy("random:7", "none") == RandomSearch(samples=7)


def test_what_a_search_makes_stands_apart_from_the_study() -> None:
    parameters = study("model_parameters")
    whole = parse_strategy("grid", "asha").shaped(parameters, "pixel")
    assert whole == parameters, "the same trials, stopped"
    drawn = parse_strategy("random:7", "none").shaped(parameters.of_task("pixel"), "pixel")
    assert drawn.name == "model_parameters-random"
    assert len(drawn.trials()) == 7
    assert {trial.spec.seed for trial in drawn.trials()} == {0}
    with pytest.raises(ExperimentError, match="looks at one task at a time"):
        parse_strategy("optuna", "none").shaped(parameters, "both")
