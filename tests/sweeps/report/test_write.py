"""The files of a report, in a folder and on the parent run."""

from pathlib import Path

import pandas as pd
import pytest

from sweeps.report.write import log_report, write_report
from tests.sweeps.report.stored_studies import FILES, open_study


@pytest.mark.slow
def test_the_report_is_files_in_a_folder_and_artifacts_of_the_parent_run(uri: str, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    study = open_study(uri)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "of_an_earlier_report.png").write_bytes(b"")
    report = write_report(study, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    figures = {path.name for path in (tmp_path / "figures").iterdir()}
    roles = ("differences_from_reference", "differences_from_reference_ice")
    assert figures == {f"{name}.png" for name in ("scores", *roles, "bins", "classes", "confusion", "maps")}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "figures").iterdir())
    assert "Test scenes as ratio 2 (80 m) read them (seed 0)" in (tmp_path / "report.html").read_text()
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["n"].tolist() == [2, 1]
    assert "no test scenes" in (tmp_path / "table.md").read_text()
    assert "3 of 4 trials finished; missing: ratio 10 (400 m) seed 1 (FAILED)" in (tmp_path / "table.md").read_text()

    log_report(study, report)
    client = MlflowClient(uri)
    assert {file.path for file in client.list_artifacts(study.run_id, "report")} == {f"report/{name}" for name in FILES}
    assert {"table.csv", "table.md"} <= {file.path for file in client.list_artifacts(study.run_id)}
