"""`python -m ingest build`: help, and one sentence and an exit code for what cannot work."""

from pathlib import Path

import pytest

from tests.ingest.kept_workers import command


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["build", "{raw}", "--lake", "{lake}", "--ratios", "0"], "whole numbers from 1 up are allowed"),
        (["build", "{raw}", "--lake", "{lake}", "--ratios", "two"], "ratios = 'two' is not allowed"),
        (
            ["build", "{raw}", "--lake", "{lake}", "--val-scenes", "7"],
            "7 validation scenes of at most 1 training scene are too many",
        ),
        (["build", "{empty}", "--lake", "{lake}"], "holds no *.nc file"),
        (["build", "{empty}/nothing", "--lake", "{lake}"], "does not exist: give raw netCDF files"),
        (["build", "{raw}", "--lake", "{full}"], "is not empty and is not a lake"),
        (["build", "{raw}", "--lake", "{lake}", "--split", "trian"], "'trian' is not one of"),
        (["bild"], "Did you mean 'build'?"),
        (["build", "{raw}", "--lak", "{lake}"], "--lake"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(
    raw_train: list[Path], tmp_path: Path, words: list[str], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    places = {"raw": raw_train[0], "lake": tmp_path / "lake", "empty": tmp_path / "empty", "full": tmp_path / "full"}
    result = command(*(word.format(**places) for word in words))
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.output.split())
    assert not (tmp_path / "lake" / "scenes").exists()


@pytest.mark.slow
def test_when_every_file_fails_there_is_no_lake_to_read(tmp_path: Path, raw_train: list[Path]) -> None:
    torn = tmp_path / raw_train[0].name
    torn.write_text("torn")
    result = command("build", torn, "--lake", tmp_path / "lake")
    assert result.exit_code == 1
    assert "0 of 1 scene are" in result.output
    assert not (tmp_path / "lake" / "catalog.parquet").exists()


def test_help_is_for_newcomers() -> None:
    result = command("build", "--help")
    assert result.exit_code == 0
    for word in ("--lake", "--ratios", "--split", "--workers", "exit code 1"):
        assert word in result.output
