"""What a trial gave, as JSON and CSV: a result of an earlier day reads and is written byte for byte."""

import csv
from pathlib import Path

import pytest
from pydantic import ValidationError

from datasets.lake import Lake
from datasets.scene import SceneRecord
from training.evaluation.bins import Bin, ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import metrics_of
from training.evaluation.result import SceneRow, TrialResult, scene_rows, scenes_csv

RECORDED = Path(__file__).parents[2] / "data" / "result.json"
"""Of a trial of three charts with the tiny lake, written when keys were still strings everywhere."""


def changed(record: SceneRecord, **values: object) -> SceneRecord:
    return record.model_copy(update=values)


def test_a_recorded_result_is_written_again_byte_for_byte() -> None:
    text = RECORDED.read_text(encoding="utf-8")
    assert TrialResult.model_validate_json(text).model_dump_json(indent=1) == text


def test_metrics_of_recorded_matrices_have_their_names_values_and_order() -> None:
    found = TrialResult.model_validate_json(RECORDED.read_text(encoding="utf-8"))
    sums = {key: ConfusionMatrix.from_lists(rows) for key, rows in found.matrices.items()}
    again = metrics_of(sums, ("SIC", "SOD", "FLOE"))
    recorded = {name: value for name, value in found.metrics.items() if name.startswith("test")}
    assert len(again) > 100
    assert [(name, value) for name, value in again.items() if name in recorded] == list(recorded.items())
    assert {name.rpartition("/")[2] for name in again.keys() - recorded.keys()} == {"f1_ice"}, "which came later"


def test_matrices_are_found_by_key() -> None:
    found = TrialResult.model_validate_json(RECORDED.read_text(encoding="utf-8"))
    of_scenes = found.scene_matrices("test_80m", "SIC")
    whole = sum(map(ConfusionMatrix.from_lists, of_scenes.values()), ConfusionMatrix.zero(11))
    assert whole.to_lists() == found.matrices[ScoreKey("test_80m", "SIC")]
    assert found.matrices[ScoreKey("test", "SOD", Bin("scene", next(iter(of_scenes))))]


def test_a_key_that_is_none_is_refused() -> None:
    found = TrialResult.model_validate_json(RECORDED.read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match="'test/SOD' is no key of a score"):
        TrialResult.model_validate(found.model_dump() | {"matrices": {"test/SOD": [[1]]}})


def test_rows_of_scenes_as_json_and_csv(tiny_lake: Lake) -> None:
    record = changed(next(iter(tiny_lake.catalog())), scene_id="a", cryoseason=None)
    some, none = ConfusionMatrix.from_lists([[3, 1], [0, 0]]), ConfusionMatrix.zero(2)
    rows = scene_rows([(record, {ScoreKey("test", "SOD"): some, ScoreKey("test_80m", "FLOE"): none})])
    assert [(row.grid, row.chart, row.n, row.accuracy) for row in rows] == [
        ("test", "SOD", 4, 0.75),
        ("test_80m", "FLOE", 0, None),
    ]
    assert rows[0].f1 == some.metrics().f1
    assert SceneRow.model_validate_json(rows[1].model_dump_json()) == rows[1]
    table = list(csv.DictReader(scenes_csv(rows).splitlines()))
    assert table[0]["scene_id"] == "a"
    assert float(table[0]["f1_macro"]) == some.metrics().f1_macro
    assert table[1]["f1"] == table[0]["cryoseason"] == ""
    assert "scenes" in TrialResult.model_fields
