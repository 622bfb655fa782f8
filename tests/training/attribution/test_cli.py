"""`python -m training attribute`."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from training.__main__ import app
from training.attribution.result import AttributionResult

runner = CliRunner()
WIDE = {"COLUMNS": "200"}


def said(output: str) -> str:
    return " ".join(output.split())


@pytest.mark.slow
def test_files_and_a_table(pixel_trial: Path, tiny_lake: Lake, tmp_path: Path) -> None:
    arguments = ["attribute", "--checkpoint", str(pixel_trial), "--lake", tiny_lake.url, "--steps", "2"]
    arguments += ["--out", str(tmp_path), "--patches-per-scene", "2", "--memory-gb", "0.5", "--seed", "3"]
    done = runner.invoke(app, arguments, env=WIDE)
    assert done.exit_code == 0, done.output
    assert "sar_incidenceangle" in done.output
    assert "completeness: attributions miss" in done.output
    names = {"integrated_gradients.json", "integrated_gradients.csv", "integrated_gradients.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    result = AttributionResult.from_file(tmp_path / "integrated_gradients.json")
    assert (result.settings.seed, result.settings.steps, result.settings.patches_per_scene) == (3, 2, 2)

    again = runner.invoke(app, arguments)
    assert again.exit_code == 2
    assert "exists: give --overwrite to replace it, or another folder as --out" in said(again.output)
    assert runner.invoke(app, [*arguments, "--overwrite"], env=WIDE).exit_code == 0


def test_beside_the_checkpoint_unless_told_otherwise(pixel_trial: Path, tiny_lake: Lake) -> None:
    arguments = ["attribute", "--checkpoint", str(pixel_trial.parent), "--lake", tiny_lake.url]
    done = runner.invoke(app, [*arguments, "--method", "feature_ablation", "--dry-run"], env=WIDE)
    assert done.exit_code == 0, done.output
    assert str(pixel_trial.parent / "attribution" / "feature_ablation.json") in said(done.output)
    assert not (pixel_trial.parent / "attribution").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--method", "integrated_gradient"], "unknown attribution method 'integrated_gradient'"),
        (["--method", "deeplyft"], "did you mean 'deeplift'?"),
        (["--split", "tests"], "did you mean 'test'?"),
        (["--baseline", "zero"], "unknown baseline 'zero': known are training, mean"),
        (["--steps", "0"], "steps = 0 is not allowed for an attribution"),
        (["--checkpoint", "/nowhere"], "there is no checkpoint '/nowhere': give the best.pt of a finished trial"),
        (["--checkpoint", "EMPTY"], "best.pt': give the best.pt of a finished trial"),
        (["--classes", "old_ise"], "did you mean 'old_ice'?"),
        (["--target", "FLO"], "unknown chart of the trial 'FLO'"),
        (["--lake", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    pixel_trial: Path, tiny_lake: Lake, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [str(tmp_path / "empty") if word == "EMPTY" else word for word in arguments]
    usual = ["--checkpoint", str(pixel_trial), "--lake", tiny_lake.url, "--out", str(tmp_path / "out")]
    done = runner.invoke(app, ["attribute", *usual, *given])
    assert done.exit_code == 2
    assert sentence in said(done.output)
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["--checkpoint", "best.pt", "--lake", "LAKE", "--dry-run"]])
def test_help_and_dry_run_load_neither_torch_nor_captum(tiny_lake: Lake, arguments: list[str]) -> None:
    given = [tiny_lake.url if word == "LAKE" else word for word in arguments]
    code = (
        "import sys\nfrom training.__main__ import app\n"
        f"try:\n    app(['attribute', *{given!r}])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'torch', 'captum', 'matplotlib', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout
