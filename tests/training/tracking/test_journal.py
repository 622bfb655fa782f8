"""The folder of one attempt: what it takes, who holds it, and what a killed process or a full disk leaves of it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.tracking.journal import Journal, Sent, attempts, read_lines
from training.tracking.outbox import OutboxError
from training.tracking.records import FileRecord, FinishRecord, MetricsRecord, Record, StartRecord, to_line


def start(attempt: str = "a") -> StartRecord:
    return StartRecord(
        time=1, attempt=attempt, tracking_uri="http://h:5", experiment="e", trial_id="t", tags={"k": "v"}
    )


def metrics(step: int) -> MetricsRecord:
    return MetricsRecord(time=step, step=step, values={"loss": float(step)})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.create(tmp_path, start())
    yield made
    made.close()


def told(journal: Journal, offset: int = 0) -> list[Record]:
    return [line.record for line in read_lines(journal.folder, offset)]


def test_records_are_read_from_any_place_in_their_order(journal: Journal) -> None:
    records = [start(), *(metrics(step) for step in range(5))]
    for record in records[1:]:
        journal.append(record)
    assert told(journal) == records
    lines = list(read_lines(journal.folder))
    assert told(journal, lines[2].end) == records[3:]
    assert journal.left == 6
    journal.note(Sent(run_id="r", offset=lines[3].end, count=4))
    assert journal.left == 2
    assert told(journal, journal.sent.offset) == records[4:]


def test_what_was_sent_is_known_to_the_next_process(journal: Journal) -> None:
    journal.append(metrics(1))
    journal.append(metrics(2))
    lines = list(read_lines(journal.folder))
    sent = Sent(run_id="run", offset=lines[1].end, count=2, refused=1)
    journal.note(sent)
    journal.close()
    again = Journal.take(journal.folder)
    assert again is not None
    assert again.sent == sent
    assert again.left == 2, "one waits, one was refused"
    assert not again.all_dealt_with
    again.close()


@pytest.mark.parametrize(
    "note",
    [
        '{"run_id": "r", "off',
        '{"run_id":"r","offset":9,"count":1,"refused":[{"offset":0,"reason":"of an earlier version"}]}',
        '{"run_id":"r","offset":9,"count":1,"refused":[]}',  # a person took a line out
    ],
)
def test_a_note_of_progress_that_cannot_be_used_sends_all_again(note: str, journal: Journal) -> None:
    journal.note(Sent(run_id="r", offset=next(read_lines(journal.folder)).end, count=1))
    journal.close()
    (journal.folder / "sent.json").write_text(note)
    again = Journal.take(journal.folder)
    assert again is not None
    assert again.sent == Sent()
    assert again.left == 1
    again.close()


def test_what_is_known_of_the_end(journal: Journal) -> None:
    journal.append(MetricsRecord(time=700, step=0, values={}))
    assert (journal.over, journal.last_ms) == (False, 700)
    journal.append(FinishRecord(time=900, status="FAILED"))
    journal.close()
    again = Journal.take(journal.folder)
    assert again is not None
    assert (again.over, again.last_ms, again.count) == (True, 900, 3)
    again.close()


def test_a_half_written_record_is_cut_off_and_the_next_is_whole(journal: Journal) -> None:
    journal.append(metrics(1))
    journal.close()
    with (journal.folder / "journal.jsonl").open("ab") as file:
        file.write(to_line(metrics(2))[:-4])
    again = Journal.take(journal.folder)
    assert again is not None
    assert told(again) == [start(), metrics(1)]
    again.append(metrics(3))
    assert told(again) == [start(), metrics(1), metrics(3)]
    again.close()


def test_a_damaged_record_in_the_middle_is_named(journal: Journal) -> None:
    journal.append(metrics(1))
    journal.append(metrics(2))
    journal.close()
    path = journal.folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"step":1', b'"step":9'))
    with pytest.raises(OutboxError, match=r"journal\.jsonl' is damaged at byte \d+: take that line out"):
        Journal.take(journal.folder)
    path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if b'"step":9' not in line))
    again = Journal.take(journal.folder)  # the failure has let go of the lock
    assert again is not None
    assert told(again) == [start(), metrics(2)]
    again.close()


def test_a_record_of_another_version_is_not_thrown_away(journal: Journal) -> None:
    journal.append(metrics(1))
    journal.close()
    import zlib

    text = b'{"kind":"hologram"}'
    with (journal.folder / "journal.jsonl").open("ab") as file:
        file.write(b"%08x %b\n" % (zlib.crc32(text), text))
    before = (journal.folder / "journal.jsonl").read_bytes()
    with pytest.raises(OutboxError, match="another version of this project wrote"):
        Journal.take(journal.folder)
    assert (journal.folder / "journal.jsonl").read_bytes() == before


def test_a_full_disk_is_told_and_spoils_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(metrics(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    with pytest.raises(OutboxError, match=r"cannot be written \(No space left on device\): free its disk"):
        journal.append(metrics(2))
    monkeypatch.setattr(os, "write", write)
    journal.append(metrics(3))
    assert told(journal) == [start(), metrics(1), metrics(3)]
    assert journal.left == 3


def test_many_threads_may_tell(journal: Journal) -> None:
    threads = [
        threading.Thread(target=lambda k=k: [journal.append(metrics(100 * k + i)) for i in range(50)]) for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    steps = [record.step for record in told(journal) if isinstance(record, MetricsRecord)]
    assert sorted(steps) == sorted(100 * k + i for k in range(4) for i in range(50))
    assert journal.left == 201


def test_files_are_copied_as_they_are_now(journal: Journal, tmp_path: Path) -> None:
    file, folder = tmp_path / "map.png", tmp_path / "model"
    file.write_bytes(b"one")
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "weights").write_bytes(b"12345")
    journal.append_copy(file, "maps")
    journal.append_copy(folder, "model")
    file.write_bytes(b"two, longer")
    journal.append_copy(file, "maps")
    file.unlink()
    first, model, second = (record for record in told(journal) if isinstance(record, FileRecord))
    assert (journal.folder / first.kept).read_bytes() == b"one"
    assert (journal.folder / second.kept).read_bytes() == b"two, longer"
    assert (journal.folder / model.kept / "data" / "weights").read_bytes() == b"12345"
    assert [Path(each.kept).name for each in (first, model, second)] == ["map.png", "model", "map.png"]
    assert [each.folder for each in (first, model, second)] == ["maps", "model", "maps"]
    assert (first.size, second.size, model.size) == (3, 11, 5)
    with pytest.raises(FileNotFoundError):
        journal.append_copy(tmp_path / "nothing", "")


def test_one_process_at_a_time(journal: Journal, tmp_path: Path) -> None:
    journal.append(metrics(1))
    assert Journal.take(journal.folder) is None, "held by this process"
    code = (
        "import pathlib\nfrom training.tracking.journal import Journal\n"
        f"print(Journal.take(pathlib.Path({str(journal.folder)!r})))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "None", "held by another"
    journal.close()
    taken = Journal.take(journal.folder)
    assert taken is not None
    taken.remove()
    assert list(attempts(tmp_path)) == []
    assert Journal.take(journal.folder) is None
    assert not journal.folder.exists()


def test_nothing_is_taken_of_an_attempt_that_another_removes_at_this_moment(tmp_path: Path) -> None:
    stop = threading.Event()

    def remove() -> None:
        while not stop.is_set():
            shutil.rmtree(tmp_path / "a", ignore_errors=True)

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        assert [Journal.take(tmp_path / "a") for _ in range(300)] == [None] * 300
    finally:
        stop.set()
        remover.join()


def test_the_folder_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    """A child that was forked, as a loader may be, must not hold it further."""
    code = f"""
import os, sys, time
from pathlib import Path
from training.tracking.journal import Journal
from training.tracking.records import MetricsRecord, StartRecord
journal = Journal.create(Path({str(tmp_path)!r}), StartRecord(
    time=1, attempt="a", tracking_uri="", experiment="", trial_id="", tags={{}}))
journal.append(MetricsRecord(time=1, step=1, values={{"a": 1.0}}))
child = os.fork()
if child == 0:
    print(os.getpid(), flush=True)  # from here on it has given back what it was forked with
    time.sleep(600)
    os._exit(0)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        assert Journal.take(tmp_path / "a") is None
        process.kill()
        process.wait()
        process.stdout.close()
        taken = Journal.take(tmp_path / "a")
        assert taken is not None
        assert len(told(taken)) == 2
        taken.close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_attempts_are_those_with_a_journal(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "just-made").mkdir()
    (tmp_path / ".gone-b" / "files").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("")
    assert list(attempts(tmp_path)) == [journal.folder]
    assert not (tmp_path / ".gone-b").exists(), "what a killed removal left is cleared away"
    assert list(attempts(tmp_path / "nowhere")) == []
