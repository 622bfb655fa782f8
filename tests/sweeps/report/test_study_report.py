"""The report of a study: whole in itself, says what it must, links where it can."""

from functools import cache

import pytest

from sweeps.report.evidence import collect
from sweeps.report.study_report import make_report
from tests.invented_studies import study
from tests.sweeps.report.html_addresses import Addresses
from tests.sweeps.report.unfinished_study import DESIGN, evidence


@cache
def page_of(uri: str = "http://mlflow:5000") -> str:
    return make_report(evidence(uri)).html()


@pytest.mark.slow
def test_a_page_fetches_nothing() -> None:
    text = page_of()
    page = Addresses(text)
    assert page.open == []
    assert len(page.fetched) == 6, "scores, differences by both scores, groups, classes, confusion"
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    assert "@import" not in text
    assert "url(" not in text
    assert all(len(alt) > 20 for alt in page.alts), "who cannot see a figure can read what it shows"


def test_contents_lead_to_parts_of_the_page() -> None:
    page = Addresses(page_of())
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert inside == ["answer", "scores", "differences", "bins", "classes", "maps", "cost", "trials", "reading"]
    assert set(inside) <= set(page.anchors)
    assert len(set(page.anchors)) == len(page.anchors)


def test_runs_of_a_server_are_links() -> None:
    page = Addresses(page_of())
    runs = [link for link in page.links if link.startswith("http")]
    for run in ("parent", "run-2-0-0", "run-5-1-0"):  # the last one failed
        assert f"http://mlflow:5000/#/experiments/1/runs/{run}?workflowType=machine_learning" in runs


@pytest.mark.slow
def test_runs_of_a_database_are_a_command() -> None:
    text = page_of("sqlite:////data/m.db")
    assert not [link for link in Addresses(text).links if not link.startswith("#")]
    run = "http://127.0.0.1:5000/#/experiments/1/runs/parent?workflowType=machine_learning"
    assert f"{run} once this runs: mlflow ui --workers 1 --backend-store-uri sqlite:////data/m.db" in text
    assert "--backend-store-uri &#39;sqlite:////data/My Drive (1)/m.db&#39;" in page_of(
        "sqlite:////data/My Drive (1)/m.db"
    )


def test_missing_and_failed_trials_are_named_and_nothing_can_break_the_page() -> None:
    text = page_of()
    assert "4 of 6 trials finished; missing: ratio 5 (200 m) seed 1 (FAILED); ratio 10 (400 m) seed 1 (never" in text
    assert "RuntimeError: &lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text
    assert "Does &lt;it&gt; &amp; &#39;that&#39; help?" in text
    assert "no test scenes" in text


def test_it_says_what_spread_and_interval_cover() -> None:
    text = " ".join(page_of().split())
    assert "Spread is the sample standard deviation over seeds" in text
    assert "An interval covers test scenes" in text
    assert "If its interval holds 0, the two are not told apart from noise" in text


def test_results_that_cannot_be_read_cost_the_interval_only() -> None:
    parent, rows, _ = study(DESIGN, lambda labels: 0.7, n_scenes=3)
    found = collect(parent, "u", rows, {}, unread={"run-2-0-0": "it is gone"})
    report = make_report(found)
    assert "The result of run run-2-0-0 could not be read, so it has no interval: it is gone." in report.warnings
    assert report.scores.rows[0][2] == "–"
    assert "±" in report.scores.rows[0][1]


def test_nothing_finished_is_a_report_too() -> None:
    parent, _, _ = study(DESIGN, lambda labels: 0.7, skip=lambda labels, seed: "never")
    report = make_report(collect(parent, "u", [], {}))
    assert report.state.startswith("0 of 6 trials finished; missing: ratio 2 (80 m) seed 0 (never started)")
    assert report.pictures == ()
    assert [row[1] for row in report.scores.rows] == ["not finished"] * 3
    assert all(report.texts().values())
