"""The tracker that keeps everything in memory, and what an error leaves with any tracker."""

from pathlib import Path

import pytest

from training.spec import TrialSpec
from training.tracking.server import TrackingError
from training.tracking.tracker import DatasetNote, MemoryTracker, record_failure


def test_everything_told_is_kept(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    tracker.start(TrialSpec(), {"lake": "l"})
    tracker.log_metrics({"a": 1.0}, step=2)
    (tmp_path / "map.png").write_bytes(b"")
    tracker.log_file(tmp_path / "map.png", "maps")
    tracker.finish("FINISHED")
    assert (tracker.metrics, tracker.files, tracker.status) == ([(2, {"a": 1.0})], ["maps/map.png"], "FINISHED")
    for tell in (tracker.log_file, tracker.log_model):
        with pytest.raises(FileNotFoundError):
            tell(tmp_path / "nothing")


@pytest.mark.parametrize(("error", "status"), [(ValueError("bad"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_an_error_is_left_with_the_tracker(error: BaseException, status: str) -> None:
    tracker = MemoryTracker()
    record_failure(tracker, error)
    assert tracker.status == status
    assert type(error).__name__ in tracker.texts["error.txt"]


def test_a_tracker_that_is_away_does_not_hide_the_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise TrackingError("the server is away")

    monkeypatch.setattr(MemoryTracker, "finish", away)
    record_failure(MemoryTracker(), ValueError("bad"))
    assert "the failure of the trial is not on record: the server is away" in caplog.text


def test_a_note_of_a_dataset_holds_no_secrets() -> None:
    url = "s3://key:secret@bucket/lake?signature=secret#secret"
    note = DatasetNote(name="lake", url=url, digest="d", recipe="r", context="train", scenes=1)
    assert note.url == "s3://bucket/lake"
