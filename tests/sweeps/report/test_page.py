"""A page and the files beside it."""

from pathlib import Path

import pandas as pd

from sweeps.report.page import Picture, Section, breakable, render, write_files
from sweeps.report.tables import ReportTable
from tests.sweeps.report.html_addresses import Addresses


def test_files_of_an_earlier_report_go(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "old.png").write_bytes(b"old")
    write_files(tmp_path, {"table.csv": "a,ä\n"}, [Picture(name="new", caption="c", png=b"png")])
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["new.png"]
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == "a,ä\n"


def test_only_runs_become_links_and_text_is_no_html() -> None:
    table = ReportTable(
        name="t", title="<b>", header=("cell", "run"), rows=(("a", "r1"),), words=2, numbers=pd.DataFrame(), runs=True
    )
    sections = [Section(anchor="a", title="A", tables=(table,), links=(("there", "other/page.html"),))]
    html = render(
        title="T", lead="<i>", facts=[("x", "y")], sections=sections, run_url=lambda run_id: f"http://m/{run_id}"
    )
    page = Addresses(html)
    assert page.links == ["#a", "other/page.html", "http://m/r1"]
    assert "&lt;b&gt;" in html
    assert "&lt;i&gt;" in html
    assert page.open == []


def test_long_names_may_go_on_in_a_new_line_and_stay_text() -> None:
    assert breakable("my_models:TinyNetwork") == "my_<wbr>models:<wbr>TinyNetwork"
    assert breakable("unet, data.ratio 0.5") == "unet, data.ratio 0.5"
    assert (
        breakable("<script>a_very_long_name</script>") == "&lt;script&gt;a_<wbr>very_<wbr>long_<wbr>name&lt;/script&gt;"
    )
