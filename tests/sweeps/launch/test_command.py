"""The command line of a study."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from sweeps.design.catalogue import study as study_of
from sweeps.launch.command import application


def test_the_command_names_what_to_train_first(tiny_lake: Lake, tmp_path: Path) -> None:
    words = ["--smoke", "--task", "pixel", "--only", "model=unet", "--lake", tiny_lake.url, "--storage", str(tmp_path)]
    words += ["--tracking-uri", f"sqlite:///{tmp_path}/m.db"]
    command = application({"feature_importance": study_of("feature_importance")}, "")
    result = CliRunner().invoke(command, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    sentence = "train it first: python sweeps/base_model.py --only model=unet --only seed=0 --smoke"
    assert sentence in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


def test_a_search_by_scores_has_nothing_to_explain(tmp_path: Path) -> None:
    command = application({"feature_importance": study_of("feature_importance")}, "")
    words = ["--search", "optuna", "--task", "pixel", "--dry-run"]
    result = CliRunner().invoke(command, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert "feature_importance trains nothing: leave them out" in " ".join(result.output.split())
    every = {name: study_of(name) for name in ("downscale", "feature_importance")}
    result = CliRunner().invoke(application(every, ""), words, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "study feature_importance trains nothing that could be searched, and is left out" in result.output


def test_the_storage_may_be_a_file_url(tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("sweeps.launch.campaign.run_campaign", lambda parts, request: seen.append(request))
    command = application({"downscale": study_of("downscale")}, "")
    for storage in (f"{tmp_path.as_uri()}/my%20storage", f"{tmp_path}/my storage", "s3://bucket/storage/"):
        result = CliRunner().invoke(command, ["--lake", tiny_lake.url, "--storage", storage])
        assert result.exit_code == 0, result.output
    assert [each.placement.storage for each in seen] == [f"{tmp_path}/my storage"] * 2 + ["s3://bucket/storage"]
    wrong = CliRunner().invoke(command, ["--storage", "s3:/bucket/storage"], env={"COLUMNS": "200"})
    assert wrong.exit_code == 2
    assert "write s3://bucket/storage" in wrong.output
