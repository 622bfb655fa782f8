"""One page over all studies."""

import pytest

from sweeps.report.campaign_page import campaign_page, campaign_table
from sweeps.report.study_report import make_report
from tests.sweeps.report.html_addresses import Addresses
from tests.sweeps.report.unfinished_study import evidence


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
