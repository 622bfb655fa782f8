"""What a trial keeps to go on elsewhere, on disk and in a bucket."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from datasets.errors import LakeAccessError
from datasets.storage import read
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
    assert second.began > first.began
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


def test_an_attempt_that_was_cut_off_does_not_replace_what_a_later_one_keeps(tmp_path: Path) -> None:
    """Its host comes back, or was only slow: it has an older epoch at hand when it learns that it was replaced."""
    url = tmp_path / "t"
    old, new = TrialCheckpoints(str(url), tmp_path / "old", "one"), TrialCheckpoints(str(url), tmp_path / "new", "two")
    old.take(resume=True)
    new.take(resume=True)
    write(tmp_path / "new", best=b"b9", last=b"l9")
    new.close(finished=True)
    write(tmp_path / "old", best=b"b2", last=b"l2")
    old.keep()
    old.close(finished=False)
    assert (url / "best.pt").read_bytes() == b"b9"
    assert not (url / "last.pt").exists()


@pytest.mark.parametrize("ahead", [-120.0, 120.0])
def test_a_later_attempt_begins_later_whatever_the_clocks_of_hosts_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    def begin(name: str, now: float) -> int:
        monkeypatch.setattr("training.tracking.records.time.time", lambda: now)
        attempt = TrialCheckpoints(str(tmp_path / "t"), tmp_path / name, name)
        attempt.take(resume=True)
        attempt.close(finished=False)
        return attempt.began

    first, second = begin("one", 1000.0), begin("two", 1000.0 + ahead)
    assert (first, second) == (1_000_000, max(1_000_001, int((1000.0 + ahead) * 1000)))
    (tmp_path / "t" / "owner").write_bytes(b"of-an-earlier-program")
    assert begin("three", 5.0) == 5000


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


@pytest.mark.parametrize("replaced", [True, False])
def test_who_cannot_reach_the_store_is_not_called_finished_before_it_is_back(
    replaced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host is cut off while it scores its test scenes: a later attempt has begun, and only the store knows."""
    old = TrialCheckpoints(str(tmp_path / "t"), tmp_path / "old", "one")
    old.take(resume=True)
    if replaced:
        new = TrialCheckpoints(str(tmp_path / "t"), tmp_path / "new", "two")
        new.take(resume=True)
        new.close(finished=True)
    answers: list[bytes | None] = []

    def back_at_the_third(url: str) -> bytes | None:
        answers.append(None if len(answers) < 2 else read(url))
        if answers[-1] is None:
            raise LakeAccessError("no route to the store")
        return answers[-1]

    monkeypatch.setattr("sweeps.launch.checkpoints.read", back_at_the_third)
    monkeypatch.setattr("sweeps.launch.checkpoints._PAUSE_S", 0.0)
    with pytest.raises(SupersededError) if replaced else nullcontext():
        old.check_owner(last=True)
    assert len(answers) == 3
    monkeypatch.setattr("sweeps.launch.checkpoints._LAST_WORD_S", 0.0)
    answers.clear()
    old.check_owner(last=True)
    old.close(finished=False)
    assert answers[:1] == [None], "a store that stays away costs a trial its time, and not its end"
