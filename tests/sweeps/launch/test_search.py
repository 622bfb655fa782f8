"""Searches and schedulers on a real Ray: what they train, what they leave, what they do not train again."""

from dataclasses import replace
from pathlib import Path

import pytest

from datasets.lake import Lake
from sweeps.design.experiment import Experiment
from sweeps.launch.strategy import parse_strategy
from sweeps.launch.study_run import Request
from sweeps.record.state import STOPPED, states_of
from tests.sweeps.launch.small_study import SPEC, finished_once, request_of, rows_of, run, small_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RATES = {"optimizer.lr": (1e-5, 1e-4, 1e-3, 1e-2), "loop.batch_size": (2, 4)}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("ICEBENCH_CACHE", str(tmp_path / "cache"))


def searched(
    lake: Lake, folder: Path, search: str, scheduler: str, axes: dict[str, object]
) -> tuple[Experiment, Request]:
    strategy = parse_strategy(search, scheduler)
    changes = {"loop.max_epochs": 4, "optimizer.name": "adam", "loop.batches_per_epoch": 16, "loop.batch_size": 8}
    study = strategy.shaped(small_study(1, base=SPEC.with_all(changes), axes=axes), "pixel")
    return study, request_of(lake, folder, strategy=strategy)


def test_optuna_chooses_among_the_values_and_trains_none_twice(tiny_lake: Lake, tmp_path: Path) -> None:
    study, request = searched(tiny_lake, tmp_path, "optuna:5", "none", RATES)
    done = run(study, request)
    assert not done.failed
    assert done.study.study == "small-optuna"
    rows = rows_of(done.study)
    assert {row.status for row in rows} == {"FINISHED"}
    assert 2 <= len({row.trial_id for row in rows}) == len(rows) <= 5, "a combination that comes again is not trained"
    for row in rows:
        assert float(row.params["optimizer.lr"]) == float(row.tags["axis.optimizer.lr"])
        assert row.params["loop.batch_size"] == row.tags["axis.loop.batch_size"] in ("2", "4")
        assert row.tags["axis.task"] == "pixel"
    before = len(rows)
    again = run(study, replace(request, resume=True))
    assert not again.failed
    assert finished_once(again.study, len(rows_of(again.study))), "what is known is taken from the record"
    assert len(rows_of(again.study)) >= before


def test_asha_gives_up_what_is_behind_and_does_not_try_it_again(tiny_lake: Lake, tmp_path: Path) -> None:
    axes = {"optimizer.lr": (1e-2, 3e-3, 1e-9, 1e-10)}  # the last two never learn anything
    study, request = searched(tiny_lake, tmp_path, "grid", "asha", axes)
    done = run(study, request)
    assert not done.failed
    states = states_of(rows_of(done.study))
    assert {state.state for state in states.values()} == {"finished", "stopped"}
    assert len(states) == 4
    stopped = [state.row for state in states.values() if state.state == "stopped" and state.row is not None]
    assert all(row.status == "KILLED" and 1 <= row.metrics[STOPPED] < 4 for row in stopped)
    again = run(study, request)
    assert (again.outcomes, again.finished) == ((), 4)
