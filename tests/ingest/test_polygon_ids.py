"""Every way in which a chart may say `no polygon`."""

import numpy as np
import pytest

from datasets.sigrid import NO_POLYGON
from ingest.errors import RawSceneError
from ingest.polygon_ids import to_polygon_ids

CODED = frozenset({3, 7})


def ids(values: list[float], dtype: str, *, stored: str = "", coded: frozenset[int] = CODED) -> list[int]:
    found = to_polygon_ids(np.array([values], dtype), stored=np.dtype(stored or dtype), coded=coded, what="chart")
    assert found.dtype == np.uint16
    return [int(value) for value in found[0]]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nan_is_no_polygon_and_every_number_is_an_id(dtype: str) -> None:
    assert ids([3, np.nan, 0, 255], dtype) == [3, NO_POLYGON, 0, 255]


@pytest.mark.parametrize(
    ("dtype", "none"),
    [
        ("u1", 0), ("u1", 255), ("i1", -1), ("i1", 127), ("u2", 0), ("u2", 255), ("u2", 65535), ("i2", -32767),
        ("i2", 32767), ("i4", -9), ("i4", 65535), ("i4", 2147483647), ("u4", 4294967295), ("i8", 65535),
    ],
)  # fmt: skip
def test_conventions_of_integer_charts(dtype: str, none: int) -> None:
    assert ids([3, none, 7], dtype) == [3, NO_POLYGON, 7]


def test_a_convention_with_a_code_row_is_an_id() -> None:
    assert ids([0, 255, 3], "u1", coded=frozenset({0, 3, 255})) == [0, 255, 3]


def test_a_marked_integer_chart_arrives_as_float_and_keeps_its_conventions() -> None:
    assert ids([3, np.nan, 0], "f4", stored="u1") == [3, NO_POLYGON, NO_POLYGON]


@pytest.mark.parametrize(
    ("values", "dtype", "sentence"),
    [
        ([3, -4], "f4", r"chart holds ids from -4.0 to 3.0, allowed are 0 to 65534: take the file"),
        ([3, 70000], "i4", r"chart holds ids from 3 to 70000"),
        ([3, np.inf], "f4", r"chart holds ids from 3.0 to inf"),
        ([3, 3.5], "f8", r"chart holds ids that are not whole"),
    ],
)
def test_what_is_no_id(values: list[float], dtype: str, sentence: str) -> None:
    with pytest.raises(RawSceneError, match=sentence):
        ids(values, dtype)
