"""`python -m sweeps report` as it is typed."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from sweeps.__main__ import app
from tests.mlflow_server import fresh_database
from tests.sweeps.report.stored_studies import FILES


def run(words: Sequence[str], uri: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", *words], env={"COLUMNS": "200", "MLFLOW_TRACKING_URI": uri})
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.slow
def test_the_command_writes_says_and_logs(uri: str, tmp_path: Path) -> None:
    code, said = run(["downscale", "--out", str(tmp_path / "r"), "--lake-digest", "lake1"], uri)
    assert code == 0, said
    assert "3 of 4 trials finished" in said
    assert "Best by both scores is ratio 2 (80 m)" in said
    assert f"report: {tmp_path / 'r' / 'report.html'}" in said
    assert "mlflow ui --workers 1 --backend-store-uri sqlite:///" in said
    assert {path.name for path in (tmp_path / "r").iterdir()} == FILES


@pytest.mark.slow
def test_of_several_lakes_the_newest_is_taken_and_the_others_are_named(uri: str, tmp_path: Path) -> None:
    code, said = run(["downscale", "--out", str(tmp_path), "--no-log"], uri)
    assert code == 0, said
    assert "study downscale ran on 2 lakes: this is lake2, the newest; --lake-digest chooses another (lake1)" in said
    assert "The design of this study is not on record" in said


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--all"]])
def test_without_a_name_it_is_a_page_over_all_studies(words: list[str], uri: str, tmp_path: Path) -> None:
    code, said = run([*words, "--out", str(tmp_path), "--no-log", "--lake-digest", "lake1"], uri)
    assert code == 0, said
    assert {path.name for path in tmp_path.iterdir()} == {
        "campaign.html", "campaign.csv", "campaign.md", "campaign.tex", "downscale", "patch_size",
    }  # fmt: skip
    assert pd.read_csv(tmp_path / "campaign.csv")["study"].tolist() == ["downscale", "patch_size"]
    assert "patch_size: 1 of 4 trials finished" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["downscal"], "unknown study 'downscal': known are downscale, patch_size; did you mean 'downscale'?"),
        (["downscale", "--lake-digest", "lake3"], "unknown lake of study 'downscale' 'lake3': known are lake2, lake1"),
        (["--all", "--lake-digest", "lake3"], "no study ran on the lake 'lake3'"),
        (["downscale", "--all"], "--all and the study 'downscale' are given: give one of them"),
        (["--tracking-uri", "./mlruns"], "MLflow refuses plain folders"),
        (["--tracking-uri", "http://127.0.0.1:9"], "does not answer"),
    ],
)
def test_what_cannot_work_is_one_sentence(words: list[str], sentence: str, uri: str, tmp_path: Path) -> None:
    code, said = run([*words, "--out", str(tmp_path)], uri)
    assert code == 2
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_has_no_report(tmp_path: Path) -> None:
    code, said = run([], fresh_database(tmp_path))
    assert code == 2
    assert "there is no study on this tracking server" in said
