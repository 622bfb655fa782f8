"""What docs/predict.md tells people to type works: the first command by the tests of `ingest build`."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from tests.training.prediction.conftest import MakeCheckpoint
from training.__main__ import app
from training.loop.checkpoint import load_checkpoint

PAGE = (Path(__file__).parents[3] / "docs" / "predict.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.slow
def test_what_the_page_says_to_type_works(
    new_lake: Lake,
    tiny_lake: Lake,
    make_checkpoint: MakeCheckpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    one, other = make_checkpoint("one"), make_checkpoint("other", seed=1)
    trial_id = load_checkpoint(one).spec.trial_id
    (tmp_path / "runs").mkdir()
    one.parent.rename("runs/TRIAL")
    other.parent.rename("runs/OTHER")
    (tmp_path / "data" / "runs" / "checkpoints").mkdir(parents=True)
    (tmp_path / "data" / "runs" / "checkpoints" / trial_id).symlink_to(tmp_path / "runs" / "TRIAL")
    (tmp_path / "data" / "lake").symlink_to(tiny_lake.url)
    (tmp_path / "new").symlink_to(new_lake.url)
    lines = [line for text in blocks("bash") for line in text.splitlines() if "predict --checkpoint" in line]
    assert len(lines) == 4
    for place, line in enumerate(lines):
        words = shlex.split(line.replace("0123456789ab", trial_id).replace("--out maps", f"--out maps{place}"))
        done = CliRunner().invoke(app, words[3:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
    first = new_lake.catalog().scene_ids[0]
    assert {path.suffix for path in (tmp_path / "maps0").iterdir() if path.suffix} == {".zarr", ".nc", ".tif", ".xml"}
    assert len(list((tmp_path / "ensemble").glob("*.zarr"))) == len(tiny_lake.catalog().split("test"))
    assert len(list((tmp_path / "maps2").glob("*.zarr"))) == len(tiny_lake.catalog())
    (code,) = blocks("python")
    exec(compile(code, "docs/predict.md", "exec"), {"folder": "maps0", "scene_id": first})
    assert "degrees_north" in capsys.readouterr().out
