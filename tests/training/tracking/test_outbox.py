"""Where trials keep what is not sent yet, and what is said of a place where nothing can be kept."""

import os
from pathlib import Path

import pytest

from training.tracking.outbox import OutboxError, check_outbox, default_outbox

RESULTS = Path(__file__).parents[3] / "results" / "outbox"


def test_the_place_is_given_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ICEBENCH_OUTBOX", "here")
    assert default_outbox() == tmp_path / "here"
    monkeypatch.delenv("ICEBENCH_OUTBOX")
    assert default_outbox() == RESULTS


def test_trials_of_a_job_keep_their_outbox_outside_of_its_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ICEBENCH_OUTBOX")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"runtime_env": {"working_dir": "gcs://x.zip"}}')
    assert default_outbox() == tmp_path / ".icebench" / "outbox"
    monkeypatch.setenv("ICEBENCH_OUTBOX", "/elsewhere")
    assert default_outbox() == Path("/elsewhere")


@pytest.mark.parametrize("place", ["", "new", "new/below"])
def test_a_place_that_can_be_written_is_left_as_it_is(tmp_path: Path, place: str) -> None:
    check_outbox(tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (Path("/proc/none"), tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutboxError, match=r"cannot be written \(.*or set ICEBENCH_OUTBOX") as said:
            check_outbox(place)
        assert repr(str(place)) in str(said.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    try:
        with pytest.raises(OutboxError, match="Permission denied"):
            check_outbox(locked / "below" / "outbox")
    finally:
        locked.chmod(0o700)
