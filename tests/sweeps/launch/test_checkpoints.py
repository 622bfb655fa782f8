"""What a trial keeps to go on elsewhere, on disk and in a bucket."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.errors import LakeAccessError
from sweeps.launch.checkpoints import SupersededError, TrialCheckpoints
from tests.object_store import ObjectStore


def write(folder: Path, **files: bytes) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.pt").write_bytes(content)


def elsewhere(url: str, folder: Path) -> None:
    """One attempt is killed after an epoch; another goes on from there on another machine."""
    first = TrialCheckpoints(url, folder / "first", "one")
    assert not first.take(resume=True)
    write(folder / "first", best=b"b1", last=b"l1")
    first.keep()
    first.close(finished=False)

    second = TrialCheckpoints(url, folder / "second", "two")
    assert second.take(resume=True)
    assert (folder / "second" / "last.pt").read_bytes() == b"l1"
    assert (folder / "second" / "best.pt").read_bytes() == b"b1"
    with pytest.raises(SupersededError):
        first.check_owner()
    second.check_owner()
    write(folder / "second", best=b"b2", last=b"l2")
    second.keep()
    (folder / "second" / "last.pt").unlink()
    second.close(finished=True)

    third = TrialCheckpoints(url, folder / "third", "three")
    assert not third.take(resume=True), "a finished trial leaves its best weights, and nothing to go on with"
    third.close(finished=False)


def test_an_attempt_goes_on_where_another_was(tmp_path: Path) -> None:
    elsewhere(str(tmp_path / "storage" / "t"), tmp_path)
    assert (tmp_path / "storage" / "t" / "best.pt").read_bytes() == b"b2"


@pytest.mark.slow
def test_an_attempt_goes_on_from_a_bucket(s3: ObjectStore, tmp_path: Path) -> None:
    elsewhere("s3://lake/ray/checkpoints/t", tmp_path)


def test_from_the_start_when_asked(tmp_path: Path) -> None:
    url = str(tmp_path / "t")
    first = TrialCheckpoints(url, tmp_path / "first", "one")
    first.take(resume=True)
    write(tmp_path / "first", best=b"b", last=b"l")
    first.keep()
    first.close(finished=False)
    again = TrialCheckpoints(url, tmp_path / "first", "two")
    assert not again.take(resume=False)
    assert not (tmp_path / "first" / "last.pt").exists(), "what lies there is of the attempt before"
    again.close(finished=False)


def test_a_store_that_refuses_is_told_once_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = TrialCheckpoints(str(tmp_path / "t"), tmp_path / "here", "one")
    kept.take(resume=True)
    refuse: Callable[..., None] = lambda *_: (_ for _ in ()).throw(LakeAccessError("no"))  # noqa: E731
    monkeypatch.setattr("sweeps.launch.checkpoints.replace", refuse)
    monkeypatch.setattr("sweeps.launch.checkpoints.read", refuse)
    write(tmp_path / "here", best=b"b", last=b"l")
    with caplog.at_level(logging.WARNING):
        kept.keep()
        kept.check_owner()
        kept.close(finished=False)
    assert len(caplog.records) == 1
