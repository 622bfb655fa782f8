"""What docs/models.md tells people to type works, in order: compare, predict, rank, submit, check."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from sweeps.__main__ import app as sweeps
from sweeps.leaderboard.submission import ReadmeSubmission, ScriptSubmission
from tests.sweeps.compare.compared import settings
from training.__main__ import app as training

PAGE = (Path(__file__).parents[3] / "docs" / "models.md").read_text()
APPS = {"training": training, "sweeps": sweeps}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def lines_of(block: str) -> list[str]:
    return [line for line in block.splitlines() if line and not line.startswith("#")]


def run(line: str, *more: str) -> str:
    words = shlex.split(line, comments=True)
    assert words[:2] == ["python", "-m"]
    done = CliRunner().invoke(APPS[words[2]], [*words[3:], *more], env={"COLUMNS": "250"})
    assert done.exit_code == 0, f"{line}\n{done.output}"
    return " ".join(done.output.split())


@pytest.mark.slow
def test_what_the_page_says_to_type_works(
    own_models: Path,
    baselines: str,
    tiny_lake: Lake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lake").symlink_to(tiny_lake.url)
    (tmp_path / "results").mkdir()
    shutil.copy(baselines.removeprefix("sqlite:///"), tmp_path / "results" / "mlflow.db")
    comparisons, maps, boards = (lines_of(block) for block in blocks("bash"))

    pixel, patch, evaluate = comparisons
    run(pixel, *settings("pixel"), "--workers", "0", "--seeds", "1")
    (trial,) = (tmp_path / "runs").iterdir()
    run(patch, *settings("patch"), "--workers", "0")
    trial.rename(tmp_path / "runs" / "TRIAL")
    run(evaluate)
    assert {path.name for path in (tmp_path / "results" / "compare").iterdir()} == {
        "my_models.TinyNet-pixel", "my_models.TinyPatchNet-patch", "again",
    }  # fmt: skip
    assert (tmp_path / "results" / "compare" / "again" / "compare.html").exists()

    for line in maps:
        run(line)
    scene_ids = tiny_lake.catalog().split("test").scene_ids
    assert {path.name for path in (tmp_path / "predictions").iterdir()} == {f"{name}.zarr" for name in scene_ids}
    assert {path.name for path in (tmp_path / "predictions_nc").iterdir()} == {f"{name}.nc" for name in scene_ids}
    code = blocks("python")[-1]
    exec(compile(code, "docs/models.md", "exec"), {"folder": "predictions", "scene_id": scene_ids[0]})
    assert "'line': 210, 'sample': 260" in capsys.readouterr().out

    table, readme, script, alone, scored = boards
    assert "my_models:TinyPatchNet" in run(table)
    refused = CliRunner().invoke(sweeps, shlex.split(readme)[3:])
    assert refused.exit_code == 2, "scenes of this lake are synthetic"
    monkeypatch.setattr("sweeps.leaderboard.ranking.is_synthetic", lambda row: False)
    monkeypatch.setattr("sweeps.leaderboard.ranking.ENOUGH_TO_RANK", 1)
    assert "It is of one network: run " in run(readme)
    assert ReadmeSubmission.model_validate_json((tmp_path / "tiny.json").read_text()).model_type == "CNN"
    run(script)
    assert ScriptSubmission.model_validate_json((tmp_path / "tiny_script.json").read_text()).recall <= 1
    assert "Its scores were not checked" in run(alone)
    assert "The predictions give what is claimed." in run(scored)
    run(scored.replace("tiny.json", "tiny_script.json").replace(" predictions ", " predictions_nc "))

    content = json.loads((tmp_path / "tiny.json").read_text())
    (tmp_path / "tiny.json").write_text(json.dumps(content | {"f1_score": content["f1_score"] + 1}))
    done = CliRunner().invoke(sweeps, shlex.split(scored)[3:])
    assert done.exit_code == 1, "a claim that does not hold"
    assert "The predictions do not give what is claimed in f1." in " ".join(done.output.split())


def test_the_models_of_the_page_are_short() -> None:
    (template,) = (block for block in blocks("python") if block.startswith("# my_models.py"))
    first, second = template.split("\nclass ")[1:]
    assert len(first.splitlines()) + len(second.splitlines()) < 30
