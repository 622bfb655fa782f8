"""The page: whole in itself, says what it must, links where it can."""

import re
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser

from sweeps.record.design import StudyDesign
from sweeps.report.answer import answers, warnings
from sweeps.report.campaign_page import campaign_page, campaign_table
from sweeps.report.cells import Comparison
from sweeps.report.evidence import Evidence, collect
from sweeps.report.study_report import make_report
from tests.invented_studies import study

DESIGN = StudyDesign(
    question="Does <it> & 'that' help?",
    objective="test_80m/f1",
    axes={"data.ratio": ("2", "5", "10")},
    seeds=(0, 1),
    trials=6,
    bins=("winter", "cat4"),
)


class Addresses(HTMLParser):
    """Everything that a browser would fetch, every link, every anchor; counts tags that are not closed."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.open: list[str] = []
        self.alts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.fetched += [values[name] for name in ("src", "srcset", "data", "poster") if name in values]
        if tag in ("link", "script", "iframe", "object"):
            self.fetched.append(f"<{tag}>")
        self.links += [values["href"]] if tag == "a" else []
        self.anchors += [values["id"]] if "id" in values else []
        self.alts += [values.get("alt", "")] if tag == "img" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def skip(labels: Mapping[str, str], seed: int) -> str:
    return {("5", 1): "FAILED", ("10", 1): "never"}.get((labels["data.ratio"], seed), "")


@cache
def page_of(uri: str = "http://mlflow:5000") -> str:
    return make_report(evidence(uri)).html()


def evidence(uri: str = "http://mlflow:5000", design: StudyDesign = DESIGN, n_scenes: int = 6) -> Evidence:
    parent, rows, results = study(
        design, lambda labels: 1.0 - 0.05 * float(labels["data.ratio"]), n_scenes=n_scenes, skip=skip
    )
    return collect(parent, uri, rows, results, errors={"run-5-1-0": "RuntimeError: <script>alert(1)</script>"})


def test_a_page_fetches_nothing() -> None:
    text = page_of()
    page = Addresses(text)
    assert page.open == []
    assert len(page.fetched) == 5, "scores, differences, groups, classes, confusion"
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    assert "@import" not in text
    assert "url(" not in text
    assert all(len(alt) > 20 for alt in page.alts), "who cannot see a figure can read what it shows"


def test_contents_lead_to_parts_of_the_page() -> None:
    page = Addresses(page_of())
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert inside == ["answer", "scores", "differences", "bins", "classes", "cost", "trials", "reading"]
    assert set(inside) <= set(page.anchors)
    assert len(set(page.anchors)) == len(page.anchors)


def test_runs_of_a_server_are_links() -> None:
    page = Addresses(page_of())
    runs = [link for link in page.links if link.startswith("http")]
    assert "http://mlflow:5000/#/experiments/1/runs/parent" in runs
    assert "http://mlflow:5000/#/experiments/1/runs/run-2-0-0" in runs
    assert "http://mlflow:5000/#/experiments/1/runs/run-5-1-0" in runs, "of the failed trial too"


def test_runs_of_a_database_are_a_command() -> None:
    text = page_of("sqlite:////data/m.db")
    assert not [link for link in Addresses(text).links if not link.startswith("#")]
    assert (
        "mlflow ui --backend-store-uri sqlite:////data/m.db, experiment &#39;invented&#39;, parent run parent" in text
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


def test_answers_name_the_best_and_what_is_told_apart_from_it() -> None:
    said = answers(Comparison(evidence()))
    assert re.match(r"Best is ratio 2 \(80 m\): \d\d\.\d ± \d\.\d % \(weighted F1, 80 m grid; 2 seeds\)\.", said[0])
    assert said[1].startswith("Worse by one seed alone: ratio 5 (200 m) (−")
    assert "% points, interval −" in said[1]


def test_what_to_be_wary_of() -> None:
    few = warnings(Comparison(evidence(n_scenes=3)))
    assert any(
        each.startswith("One seed has no spread") and "ratio 5 (200 m); ratio 10 (400 m)" in each for each in few
    )
    assert any(each.startswith("3 test scenes are too few") for each in few)
    whole = DESIGN.model_copy(update={"seeds": (0,), "trials": 3})
    assert not any("too few" in each for each in warnings(Comparison(evidence(design=whole))))
    lost = evidence(design=DESIGN.model_copy(update={"objective": "best/val_loss"}))
    assert answers(Comparison(lost)) == ["No finished trial has best/val_loss: there is nothing to compare yet."]


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


def test_one_page_over_all_studies() -> None:
    one, other = make_report(evidence()), make_report(evidence("sqlite:///m.db"))
    page = Addresses(campaign_page([one, other], "http://mlflow:5000"))
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    assert "invented/report.html" in page.links
    assert "http://mlflow:5000/#/experiments/1/runs/parent" in page.links
    assert {"overview", "study-0", "study-1"} <= set(page.anchors)
    table = campaign_table([one])
    assert table.rows[0][:4] == ("invented", "pixel-based", "ratio 2 (80 m)", "weighted F1, 80 m grid [%]")
    assert table.rows[0][5:] == ("4 of 6", "6", "12")
