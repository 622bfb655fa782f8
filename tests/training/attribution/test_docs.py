"""The commands and the Python of docs/feature_importance.md run."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from sweeps.design.catalogue import study
from sweeps.launch.command import application
from training.__main__ import app

PAGE = (Path(__file__).parents[3] / "docs" / "feature_importance.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.slow
def test_what_the_page_says_to_type_works(
    pixel_trial: Path,
    tiny_lake: Lake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "TRIAL").mkdir(parents=True)
    (tmp_path / "runs" / "TRIAL" / "best.pt").write_bytes(pixel_trial.read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lake").symlink_to(tiny_lake.url)
    commands, _ = blocks("bash")
    lines = commands.splitlines()
    assert len(lines) == 5
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words[:3] == ["python", "-m", "training"]
        done = CliRunner().invoke(app, words[3:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
    made = {path.name for path in (tmp_path / "runs" / "TRIAL" / "attribution").iterdir()}
    assert made == {
        f"{method}.{kind}"
        for method in ("integrated_gradients", "feature_ablation", "gradient_shap")
        for kind in ("json", "csv", "png")
    }
    assert (tmp_path / "results" / "deeplift" / "deeplift.png").exists()
    (code,) = blocks("python")
    exec(compile(code, "docs/feature_importance.md", "exec"), {"folder": "runs/TRIAL/attribution"})
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_studies_are_typed_as_the_page_says() -> None:
    _, commands = blocks("bash")
    seen = []
    for line in commands.splitlines():
        _, path, *words = shlex.split(line, comments=True)
        if path.startswith("sweeps/"):
            name = Path(path).stem
            done = CliRunner().invoke(application({name: study(name)}, name), [*words, "--dry-run"])
            assert done.exit_code == 0, f"{line}\n{done.output}"
            seen.append(name)
    assert seen == ["base_model", "feature_importance", "feature_importance"]


def test_the_table_names_every_method() -> None:
    from training.attribution.settings import METHODS

    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE) == list(METHODS)
