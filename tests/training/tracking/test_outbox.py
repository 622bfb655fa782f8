import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.tracking.journal import OutboxError
from training.tracking.outbox import Outbox, Progress, attempts, default_outbox
from training.tracking.records import (
    DatasetRecord,
    FileRecord,
    FinishRecord,
    MetricsRecord,
    ParamsRecord,
    Record,
    StartRecord,
    from_line,
    to_line,
)
from training.tracking.tracker import DatasetNote


def start(attempt: str = "a") -> StartRecord:
    return StartRecord(
        time=1, attempt=attempt, tracking_uri="http://h:5", experiment="e", trial_id="t", tags={"k": "v"}
    )


def metrics(step: int) -> MetricsRecord:
    return MetricsRecord(time=step, step=step, values={"loss": float(step)})


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox.create(tmp_path, start())
    yield made
    made.close()


def told(outbox: Outbox, offset: int = 0) -> list[Record]:
    return [entry.record for entry in outbox.journal.entries(offset)]


text = st.text(max_size=20)
note = DatasetNote(name="lake", url="/lake", digest="d", recipe="r", context="val", scenes=1, profile={"a": [1, None]})
any_record = st.one_of(
    st.builds(StartRecord, time=st.integers(), attempt=text, tags=st.dictionaries(text, text)),
    st.builds(ParamsRecord, values=st.dictionaries(text, text)),
    st.builds(MetricsRecord, time=st.integers(), step=st.integers(), values=st.dictionaries(text, st.floats())),
    st.builds(FileRecord, kept=text, folder=text, size=st.integers()),
    st.just(DatasetRecord(note=note)),
    st.builds(FinishRecord, time=st.integers(), status=st.sampled_from(["FINISHED", "FAILED", "KILLED"])),
)


@given(record=any_record)
def test_a_line_is_one_record(record: Record) -> None:
    line = to_line(record)
    assert line.count(b"\n") == 1
    assert line.splitlines(keepends=True) == [line]
    assert repr(from_line(line)) == repr(record)  # repr: NaN does not equal itself


@given(record=any_record, data=st.data())
def test_a_cut_or_damaged_line_is_no_record(record: Record, data: st.DataObject) -> None:
    line = to_line(record)
    cut = data.draw(st.integers(0, len(line) - 1))
    assert from_line(line[:cut]) is None
    place = data.draw(st.integers(0, len(line) - 1))
    damaged = bytearray(line)
    damaged[place] ^= data.draw(st.integers(1, 255))
    assert from_line(bytes(damaged)) is None


def test_not_a_number_survives() -> None:
    record = from_line(to_line(MetricsRecord(time=0, step=0, values={"a": math.nan, "b": math.inf, "c": -math.inf})))
    assert isinstance(record, MetricsRecord)
    assert math.isnan(record.values["a"])
    assert (record.values["b"], record.values["c"]) == (math.inf, -math.inf)


def test_records_are_read_from_any_place_in_their_order(outbox: Outbox) -> None:
    records = [start(), *(metrics(step) for step in range(5))]
    for record in records[1:]:
        outbox.append(record)
    assert told(outbox) == records
    entries = list(outbox.journal.entries(0))
    assert told(outbox, entries[3].start) == records[3:]
    assert outbox.left == 6
    outbox.settle(entries[:4], run_id="r")
    assert outbox.left == 2
    assert told(outbox, outbox.progress.offset) == records[4:]


def test_what_was_settled_is_known_to_the_next_process(outbox: Outbox) -> None:
    outbox.append(metrics(1))
    outbox.append(metrics(2))
    entries = list(outbox.journal.entries(0))
    outbox.settle(entries[:1], run_id="run")
    outbox.settle(entries[1:2], refusal="no")
    outbox.close()
    again = Outbox.take(outbox.folder)
    assert again is not None
    assert (again.progress.run_id, again.progress.count, again.left) == ("run", 2, 1)
    (refused,) = again.progress.refused
    assert refused.reason == "no"
    assert told(again, refused.offset)[0] == metrics(1)
    again.accept(refused)
    assert again.progress.refused == ()
    again.close()


def test_a_note_of_progress_that_cannot_be_read_sends_all_again(outbox: Outbox) -> None:
    outbox.settle(list(outbox.journal.entries(0)), run_id="r")
    outbox.close()
    (outbox.folder / "sent.json").write_text('{"run_id": "r", "off')
    again = Outbox.take(outbox.folder)
    assert again is not None
    assert again.progress == Progress()
    again.close()


def test_a_half_written_record_is_cut_off_and_the_next_is_whole(outbox: Outbox) -> None:
    outbox.append(metrics(1))
    outbox.close()
    with (outbox.folder / "journal.jsonl").open("ab") as file:
        file.write(to_line(metrics(2))[:-4])
    again = Outbox.take(outbox.folder)
    assert again is not None
    assert told(again) == [start(), metrics(1)]
    again.append(metrics(3))
    assert told(again) == [start(), metrics(1), metrics(3)]
    again.close()


def test_a_damaged_record_in_the_middle_is_named(outbox: Outbox) -> None:
    outbox.append(metrics(1))
    outbox.append(metrics(2))
    outbox.close()
    journal = outbox.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"step":1', b'"step":9'))
    with pytest.raises(OutboxError, match=r"journal\.jsonl' is damaged at byte \d+: take that line out"):
        Outbox.take(outbox.folder)
    journal.write_bytes(b"".join(line for line in journal.read_bytes().splitlines(True) if b'"step":9' not in line))
    again = Outbox.take(outbox.folder)  # the failure has let go of the lock
    assert again is not None
    assert told(again) == [start(), metrics(2)]
    again.close()


def test_a_record_of_another_version_is_not_thrown_away(outbox: Outbox) -> None:
    outbox.append(metrics(1))
    outbox.close()
    import zlib

    text = b'{"kind":"hologram"}'
    with (outbox.folder / "journal.jsonl").open("ab") as file:
        file.write(b"%08x %b\n" % (zlib.crc32(text), text))
    before = (outbox.folder / "journal.jsonl").read_bytes()
    with pytest.raises(OutboxError, match="another version of this project wrote"):
        Outbox.take(outbox.folder)
    assert (outbox.folder / "journal.jsonl").read_bytes() == before


def test_a_full_disk_is_told_and_spoils_nothing(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox.append(metrics(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    with pytest.raises(OutboxError, match=r"cannot be written \(No space left on device\): free its disk"):
        outbox.append(metrics(2))
    monkeypatch.setattr(os, "write", write)
    outbox.append(metrics(3))
    assert told(outbox) == [start(), metrics(1), metrics(3)]
    assert outbox.left == 3


def test_many_threads_may_tell(outbox: Outbox) -> None:
    threads = [
        threading.Thread(target=lambda k=k: [outbox.append(metrics(100 * k + i)) for i in range(50)]) for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    steps = [record.step for record in told(outbox) if isinstance(record, MetricsRecord)]
    assert sorted(steps) == sorted(100 * k + i for k in range(4) for i in range(50))
    assert outbox.left == 201


def test_files_are_copied_as_they_are_now(outbox: Outbox, tmp_path: Path) -> None:
    file, folder = tmp_path / "map.png", tmp_path / "model"
    file.write_bytes(b"one")
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "weights").write_bytes(b"12345")
    first, model = outbox.keep(file, "maps"), outbox.keep(folder, "model")
    file.write_bytes(b"two, longer")
    second = outbox.keep(file, "maps")
    file.unlink()
    assert (outbox.folder / first.kept).read_bytes() == b"one"
    assert (outbox.folder / second.kept).read_bytes() == b"two, longer"
    assert (outbox.folder / model.kept / "data" / "weights").read_bytes() == b"12345"
    assert (first.size, second.size, model.size) == (3, 11, 5)
    note = outbox.keep_text("å", "notes/deep/a.txt")
    assert (note.folder, Path(note.kept).name, note.size) == ("notes/deep", "a.txt", 2)
    with pytest.raises(FileNotFoundError):
        outbox.keep(tmp_path / "nothing", "")


def test_one_process_at_a_time(outbox: Outbox, tmp_path: Path) -> None:
    outbox.append(metrics(1))
    assert Outbox.take(outbox.folder) is None, "held by this process"
    code = (
        "import pathlib\nfrom training.tracking.outbox import Outbox\n"
        f"print(Outbox.take(pathlib.Path({str(outbox.folder)!r})))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "None", "held by another"
    outbox.close()
    taken = Outbox.take(outbox.folder)
    assert taken is not None
    taken.remove()
    assert list(attempts(tmp_path)) == []
    assert Outbox.take(outbox.folder) is None
    assert not outbox.folder.exists()


def test_the_folder_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    """A child that was forked, as a loader may be, must not hold it further."""
    code = f"""
import os, sys, time
from pathlib import Path
from training.tracking.outbox import Outbox
from training.tracking.records import MetricsRecord, StartRecord
outbox = Outbox.create(Path({str(tmp_path)!r}), StartRecord(
    time=1, attempt="a", tracking_uri="", experiment="", trial_id="", tags={{}}))
outbox.append(MetricsRecord(time=1, step=1, values={{"a": 1.0}}))
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        assert Outbox.take(tmp_path / "a") is None
        process.kill()
        process.wait()
        process.stdout.close()
        taken = Outbox.take(tmp_path / "a")
        assert taken is not None
        assert len(told(taken)) == 2
        taken.close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_attempts_are_those_with_a_journal(outbox: Outbox, tmp_path: Path) -> None:
    (tmp_path / "just-made").mkdir()
    (tmp_path / ".gone-b" / "files").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("")
    assert list(attempts(tmp_path)) == [outbox.folder]
    assert not (tmp_path / ".gone-b").exists(), "what a killed removal left is cleared away"
    assert list(attempts(tmp_path / "nowhere")) == []


def test_the_place_is_given_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ICEBENCH_OUTBOX", "here")
    assert default_outbox() == tmp_path / "here"
    monkeypatch.delenv("ICEBENCH_OUTBOX")
    assert default_outbox() == Path(__file__).parents[3] / "results" / "outbox"
