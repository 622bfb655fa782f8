"""Chart classes against the reference converter, and the rules where the reference leaks."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ingest.charts import HEADER, NO_POLYGON, polygon_classes, rasterize
from ingest.errors import RawSceneError

GOLDEN = Path(__file__).parents[1] / "data" / "golden_labels.csv"


def golden_rows() -> list[tuple[str, dict[str, int]]]:
    lines = [line for line in GOLDEN.read_text().splitlines() if not line.startswith("#")]
    return [(row["codes"], {name: int(row[name]) for name in ("SIC", "SOD", "FLOE")}) for row in csv.DictReader(lines)]


def classes_of(row: str) -> dict[str, int]:
    found = polygon_classes([HEADER, f"7;{row}"])
    return {name: table[7] for name, table in found.classes.items()}


def test_every_golden_row_agrees() -> None:
    rows = golden_rows()
    assert len(rows) == 360
    wrong = [(codes, expected, classes_of(codes)) for codes, expected in rows if classes_of(codes) != expected]
    assert not wrong


@pytest.mark.parametrize(
    ("row", "expected", "reason"),
    [
        ("46;-9;91;5;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (255, 4, 4), "SIC_code"),
        ("3;-9;91;5;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (255, 4, 4), "SIC_code"),
        ("99;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (255, 255, 255), "SIC_code"),
        ("90;-9;4;5;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (9, 255, 4), "SOD_code"),
        ("90;-9;94;5;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (9, 255, 4), "SOD_code"),
        ("90;-9;91;11;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (9, 4, 255), "FLOE_code"),
        ("-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (255, 255, 255), "no_code"),
        ("-9;-9;93;5;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (255, 255, 255), "no_code"),
    ],
)
def test_codes_outside_the_tables_are_unlabelled_and_named(
    row: str, expected: tuple[int, int, int], reason: str
) -> None:
    found = polygon_classes([HEADER, f"7;{row}"])
    assert tuple(found.classes[name][7] for name in ("SIC", "SOD", "FLOE")) == expected
    assert found.reasons[7] == {reason}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("80;40;91;5;30;91;5;10;91;5;-9;-9;-9;I", (8, 255, 255)),  # three equal parts lose one
        ("90;50;91;5;20;91;4;20;93;5;-9;-9;-9;I", (9, 4, 4)),
        ("50;30;95;5;20;91;5;-9;-9;-9;-9;-9;-9;I", (5, 255, 4)),
        ("01;-9;91;05;-9;-9;-9;-9;-9;-9;-9;-9;05-9;I", (0, 0, 0)),
        ("30;-9;98;10;-9;-9;-9;-9;-9;-9;-9;-9;19;I", (3, 255, 6)),
        ("-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;W", (0, 0, 0)),
        ("92;-9;91; 8;-9;-9;-9;-9;-9;-9;-9;-9;-9;I", (10, 4, 255)),
    ],
)
def test_corner_cases_of_the_reference(row: str, expected: tuple[int, int, int]) -> None:
    assert tuple(classes_of(row).values()) == expected


def test_raster_counts_what_it_drops() -> None:
    polygons = polygon_classes(
        [
            HEADER,
            "3;91;-9;93;08;-9;-9;-9;-9;-9;-9;-9;-9;08-9;I",
            "9;46;-9;94;11;-9;-9;-9;-9;-9;-9;-9;-9;-9;I",
        ]
    )
    ids = np.array([[3, 3, 9], [9, 12, NO_POLYGON]], np.uint16)
    rasters = rasterize(ids, polygons)
    charts = rasters.charts
    assert charts["SIC"].tolist() == [[10, 10, 255], [255, 255, 255]]
    assert charts["SOD"].tolist() == [[4, 4, 255], [255, 255, 255]]
    assert charts["FLOE"].tolist() == [[255] * 3] * 2
    assert rasters.dropped == {"no_row": 1, "no_code": 0, "SIC_code": 2, "SOD_code": 2, "FLOE_code": 2}
    for name, chart in charts.items():
        assert rasters.pixels[name] == {value: int((chart == value).sum()) for value in rasters.pixels[name]}
        assert sum(rasters.pixels[name].values()) == ids.size
    assert {chart.dtype for chart in charts.values()} == {np.dtype(np.uint8)}


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        ([], "begins with 'nothing'"),
        (["id;CT;CA"], "expected the header"),
        ([HEADER, "1;2;3"], "has 3 fields"),
        ([HEADER, "1;x;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;I"], "no whole number"),
        ([HEADER, *["1;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;W"] * 2], "two rows for polygon 1"),
        ([HEADER, "70000;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;-9;W"], "allowed are 0 to"),
    ],
)
def test_bad_codes_are_refused(codes: list[str], sentence: str) -> None:
    with pytest.raises(RawSceneError, match=sentence):
        polygon_classes(codes)
