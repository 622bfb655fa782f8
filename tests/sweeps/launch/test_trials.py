"""What becomes of trials, where Ray has little to say."""

from types import SimpleNamespace

import pytest

from sweeps.launch import trials as module
from sweeps.launch.placement import Placement, Slots
from sweeps.launch.trials import run_trials
from tests.sweeps.launch.small_study import orders_of_nobody


class SilentTuner:
    """Gives its first trial back as finished, and the others as Tune does that has lost its cluster: without a word."""

    def __init__(self, *_: object, param_space: dict[str, object], **__: object) -> None:
        self._orders = param_space["order"]["grid_search"]  # type: ignore[index]

    def fit(self) -> list[SimpleNamespace]:
        first, *rest = self._orders
        done = SimpleNamespace(config={"order": first}, error=None, metrics={})
        return [done, *(SimpleNamespace(config=None, error=None, metrics=None) for _ in rest)]


def test_a_trial_that_ray_gave_up_without_a_word_is_a_failed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.tune, "Tuner", SilentTuner)
    orders = orders_of_nobody(3)
    placement = Placement(cpus=1, gpus=0, max_concurrent=None, storage="")
    outcomes = run_trials(orders, placement, Slots(gpus=0, room=1), lambda event: None)
    assert [(outcome.trial_id, outcome.name) for outcome in outcomes] == [(o.trial_id, o.name) for o in orders]
    assert outcomes[0].error is None
    assert all((outcome.error or "").startswith("it never ran") for outcome in outcomes[1:])
