"""Chart classes against the reference converter, and the rules where the reference leaks."""

import csv
from pathlib import Path

import pytest

from datasets.errors import PolygonCodesError
from datasets.sigrid import HEADER, Dominance, classify, parse_codes

DATA = Path(__file__).parents[1] / "data"
FIRST_RELEASE = Dominance(SOD=0.70, FLOE=0.50)


def golden_rows(name: str) -> list[tuple[str, dict[str, int]]]:
    lines = [line for line in (DATA / name).read_text().splitlines() if not line.startswith("#")]
    return [(row["codes"], {name: int(row[name]) for name in ("SIC", "SOD", "FLOE")}) for row in csv.DictReader(lines)]


def classes_of(row: str, dominance: Dominance = Dominance()) -> dict[str, int]:  # noqa: B008 - frozen
    found = classify(parse_codes([HEADER, f"7;{row}"]), dominance)
    return {name: table[7] for name, table in found.classes.items()}


@pytest.mark.parametrize(
    ("name", "dominance"),
    [("golden_labels.csv", Dominance()), ("golden_labels_first_release.csv", FIRST_RELEASE)],
)
def test_every_golden_row_agrees(name: str, dominance: Dominance) -> None:
    rows = golden_rows(name)
    assert len(rows) == 360
    found = [(codes, expected, classes_of(codes, dominance)) for codes, expected in rows]
    assert [row for row in found if row[1] != row[2]] == []


def test_the_two_releases_differ_in_stages_and_floes_only() -> None:
    today, first = (dict(golden_rows(name)) for name in ("golden_labels.csv", "golden_labels_first_release.csv"))
    differing = {chart for codes in today for chart in today[codes] if today[codes][chart] != first[codes][chart]}
    assert differing == {"SOD", "FLOE"}


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
    found = classify(parse_codes([HEADER, f"7;{row}"]), Dominance())
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
    with pytest.raises(PolygonCodesError, match=sentence):
        parse_codes(codes)
