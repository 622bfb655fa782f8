"""Searches and schedulers: words of the command line, the studies that they make, when trainings are given up."""

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from datasets.lake import Lake
from sweeps.design.catalogue import study
from sweeps.design.experiment import ExperimentError
from sweeps.launch.order import EPOCH, SCORE
from sweeps.launch.plan import plan
from sweeps.launch.strategy import SAMPLES, OptunaSearch, RandomSearch, Strategy, asha_scheduler, parse_strategy
from sweeps.record.state import TrialState
from tests.sweeps.launch.small_study import SPEC, small_study


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


@pytest.mark.parametrize(("search", "scheduler"), [("optuna", "none"), ("grid", "asha"), ("random", "asha")])
def test_scores_in_lower_precision_decide_between_no_settings(search: str, scheduler: str) -> None:
    small, lower = small_study(2), small_study(2, base=SPEC.with_("loop.val_precision", "training"))
    strategy = parse_strategy(search, scheduler)
    assert strategy.shaped(small, "pixel").trials()
    with pytest.raises(ExperimentError, match=r"loop\.val_precision = 'training' takes in lower precision: leave"):
        strategy.shaped(lower, "pixel")
    assert parse_strategy("grid", "none").shaped(lower, "pixel") == lower, "finished trials tell float32"
    assert parse_strategy("random", "none").shaped(lower, "pixel").trials()


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


def test_the_worse_two_thirds_end_after_a_tenth_of_the_epochs() -> None:
    scheduler = asha_scheduler(30)
    decisions = []
    for number, score in enumerate((0.9, 0.8, 0.1)):
        trial = Trial("small", trial_id=str(number), stub=True)
        scheduler.on_trial_add(None, trial)  # type: ignore[arg-type]
        for epoch in (1, 2, 3):
            told = scheduler.on_trial_result(None, trial, {EPOCH: epoch, SCORE: score})  # type: ignore[arg-type]
        decisions.append(told)
    assert decisions == [TrialScheduler.CONTINUE, TrialScheduler.STOP, TrialScheduler.STOP]
