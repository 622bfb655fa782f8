"""Words of a report, and the conditions of a part of a study."""

from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.design.axes import meets
from sweeps.report import score_tables
from sweeps.report.score_tables import reading


@pytest.mark.parametrize(
    ("verdict", "lower_is_better", "word"),
    [("higher", False, "better"), ("lower", False, "worse"), ("higher", True, "worse"), ("lower", True, "better")],
)
def test_a_difference_is_read_by_what_is_better(
    verdict: str, lower_is_better: bool, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_tables, "is_arithmetic", lambda comparison, difference: False)
    comparison: Any = SimpleNamespace(lower_is_better=lower_is_better)
    difference: Any = SimpleNamespace(verdict=verdict, seeds=3)
    assert reading(comparison, difference) == word


def test_every_condition_must_hold() -> None:
    wanted = {"ratio": frozenset({"2"}), "season": frozenset({"winter"})}
    assert meets({"ratio": 2, "season": "winter"}, wanted)
    assert not meets({"ratio": 2, "season": "fall"}, wanted)
    assert not meets({"ratio": 5, "season": "winter"}, wanted)
