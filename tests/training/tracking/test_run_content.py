"""Names of metrics in MLflow, and back."""

import re
from pathlib import Path

from training.evaluation.result import TrialResult
from training.loop.epoch import EpochRow
from training.tracking.run_content import metrics_today, shown_name

RESULT = Path(__file__).parents[2] / "data" / "result.json"


def names() -> list[str]:
    """Of a whole trial."""
    row = EpochRow(**dict.fromkeys(EpochRow.model_fields, 0))
    result = TrialResult.model_validate_json(RESULT.read_text(encoding="utf-8"))
    return [*row.metrics(), *result.metrics, "best/val_f1", "cost/seconds", "stopped/epoch", "test/class/10_percent/f1"]


def test_few_stay_on_top_and_the_rest_is_one_group_that_comes_last() -> None:
    shown = [shown_name(name) for name in names()]
    groups = sorted({name.rpartition("/")[0] for name in shown})
    assert groups[-1] == "zoom"
    assert set(groups) <= {"", "test_80m", "train", "val", "zoom"}
    top = [name for name in shown if not name.startswith("zoom/")]
    assert {"train/loss", "val/loss", "val/f1", "lr"} <= set(top)
    assert len(top) <= 10


def test_programs_read_their_own_names_whoever_wrote_them() -> None:
    written = {shown_name(name): float(place) for place, name in enumerate(names())}
    assert metrics_today(written) == {name: float(place) for place, name in enumerate(names())}
    before = {"test/class/old_ice/f1": 0.5, "cost/seconds": 3.0}
    assert metrics_today(before) == before


def test_mlflow_takes_the_names() -> None:
    assert all(re.fullmatch(r"[\w.\- /:]{1,250}", shown_name(name)) for name in names())
