"""Where Ray puts its sockets when the usual folder cannot be used."""

import os
from pathlib import Path

import pytest

from datasets.errors import ClusterError
from datasets.process.ray_folder import folder_for_ray

LONG = "a-folder-for-temporary-files-of-a-cluster-job/1234567"


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose path is short: those of tests are long."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="ib-", dir="/tmp") as folder:
        monkeypatch.delenv("RAY_TMPDIR", raising=False)
        yield Path(folder)


def test_the_usual_folder_where_it_can_be_used(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(short))
    assert folder_for_ray() == (short / "ray", "")


@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_a_long_path_is_replaced_and_told(variable: str, short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, str(short / LONG))
    folder, said = folder_for_ray([str(short)])
    assert folder == short / f"ray-{os.getuid()}"
    assert folder.is_dir()
    assert said.startswith(f"Ray cannot use '{short}/{LONG}/ray' (its path is too long for a socket) and uses ")


def test_a_folder_that_cannot_be_written_is_replaced(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `/tmp/ray` of another user; root may write there, so a file stands for it."""
    (short / "ray").write_text("not a folder")
    monkeypatch.setenv("TMPDIR", str(short))
    folder, said = folder_for_ray([str(short / "ray"), str(short)])
    assert folder == short / f"ray-{os.getuid()}"
    assert "(File exists)" in said


def test_no_folder_at_all_is_a_sentence(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short / "file").write_text("")
    monkeypatch.setenv("TMPDIR", str(short / "file"))
    with pytest.raises(ClusterError, match=r"Not a directory\) nor a folder in .*: set RAY_TMPDIR to a folder"):
        folder_for_ray([str(short / "file")])
