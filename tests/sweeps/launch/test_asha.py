"""When trainings that are behind are given up."""

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from sweeps.launch.asha import asha
from sweeps.launch.report_keys import EPOCH, SCORE


def test_the_worse_two_thirds_end_after_a_tenth_of_the_epochs() -> None:
    scheduler = asha(30)
    decisions = []
    for number, score in enumerate((0.9, 0.8, 0.1)):
        trial = Trial("small", trial_id=str(number), stub=True)
        scheduler.on_trial_add(None, trial)  # type: ignore[arg-type]
        for epoch in (1, 2, 3):
            told = scheduler.on_trial_result(None, trial, {EPOCH: epoch, SCORE: score})  # type: ignore[arg-type]
        decisions.append(told)
    assert decisions == [TrialScheduler.CONTINUE, TrialScheduler.STOP, TrialScheduler.STOP]
