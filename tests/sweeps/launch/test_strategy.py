"""Searches and schedulers by the words of the command line, and the studies that they make."""

import pytest

from datasets.lake import Lake
from sweeps.design.catalogue import study
from sweeps.design.experiment import ExperimentError
from sweeps.launch.plan import plan
from sweeps.launch.strategy import SAMPLES, OptunaSearch, RandomSearch, Strategy, parse_strategy
from sweeps.record.state import TrialState
from tests.sweeps.launch.small_study import small_study


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


def test_what_runs_again_is_said_by_the_strategy(tiny_lake: Lake) -> None:
    planned = plan(small_study(4), (tiny_lake,))
    ids = [trial.trial_id for trial, _ in planned.ready]
    states = {
        ids[0]: TrialState(state="finished"),
        ids[1]: TrialState(state="stopped"),
        ids[2]: TrialState(state="failed"),
    }

    def placed(strategy: Strategy, *, failed_only: bool = False) -> list[str]:
        return [trial.trial_id for trial, _ in strategy.to_place(planned, states, failed_only=failed_only)]

    assert placed(Strategy()) == ids[1:]
    assert placed(Strategy(asha=True)) == ids[2:], "what was given up once is not tried again"
    assert placed(Strategy(), failed_only=True) == [ids[2]]
    assert placed(OptunaSearch()) == ids[:1]
