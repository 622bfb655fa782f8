"""One page over all studies."""

from dataclasses import replace

import pytest

from sweeps.report.campaign_page import campaign_page, campaign_table, why_silent
from sweeps.report.evidence import collect
from sweeps.report.study_report import Report, make_report
from tests.invented_studies import study
from tests.sweeps.report.html_addresses import Addresses
from tests.sweeps.report.scene_study import scene_study
from tests.sweeps.report.unfinished_study import DESIGN, evidence


@pytest.mark.slow
def test_one_page_over_all_studies() -> None:
    one, other = make_report(evidence()), make_report(evidence("sqlite:///m.db"))
    page = Addresses(campaign_page([one, other], "http://mlflow:5000"))
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    assert "invented/report.html" in page.links
    assert "http://mlflow:5000/#/experiments/1/runs/parent?workflowType=machine_learning" in page.links
    assert {"overview", "study-0", "study-1"} <= set(page.anchors)
    table = campaign_table([one])
    assert table.rows[0][:4] == ("invented", "pixel-based", "ratio 2 (80 m)", "weighted F1, 80 m grid [%]")
    assert table.rows[0][5:] == ("4 of 6", "6", "12")


def text_of(*reports: Report) -> str:
    return " ".join(campaign_page(list(reports), "u").split())


@pytest.mark.slow
def test_what_answers_nothing_is_a_line() -> None:
    parent, _, _ = study(DESIGN, lambda labels: 0.7, name="later", skip=lambda labels, seed: "never")
    text = text_of(make_report(evidence()), make_report(collect(parent, "u", [], {})))
    assert "Without an answer yet, and left out here: later (no trial has finished)." in text
    assert text.count("<h2") == 3, "overview, one study, how to read"
    assert ">later<" not in text


@pytest.mark.slow
def test_cells_that_answer_nothing_are_a_line() -> None:
    seasons = scene_study(lambda labels: 0.9 if labels["train.season"] == "winter" else 0.5)
    report = make_report(seasons.evidence)
    assert why_silent(report) == ""
    rows = tuple((*row[:-1], "worse by arithmetic" if place else row[-1]) for place, row in enumerate(
        report.differences.rows if report.differences is not None else ()
    ))  # fmt: skip
    assert report.differences is not None
    some = replace(report, differences=replace(report.differences, rows=rows))
    text = text_of(some)
    assert "Differences that are arithmetic are left out: " in text
    assert "worse by arithmetic</td>" not in text
    every = tuple((*row[:-1], "worse by arithmetic") for row in rows)
    silent = replace(report, differences=replace(report.differences, rows=every))
    assert "left out here: invented (every difference is arithmetic)." in text_of(silent)

    parent, trials, results = study(
        DESIGN, lambda labels: 0.7, skip=lambda labels, seed: "never" if labels["data.ratio"] == "5" else ""
    )
    text = text_of(make_report(collect(parent, "u", trials, results)))
    assert "Left out, without a finished trial: ratio 5 (200 m)." in text
