"""The way from outbox to server with a server that fails in every way, before and after it has done its work."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.waiting import wait_until
from training.tracking import publisher as publisher_module
from training.tracking.journal import Journal, Sent, read_lines
from training.tracking.publisher import Publisher, publish
from training.tracking.records import FinishRecord, MetricsRecord, ParamsRecord, Record, StartRecord
from training.tracking.server import RequestRefusedError, RunGoneError, TrackingError


class Store:
    """A server that behaves like MLflow's: what it receives twice it keeps once.

    `fails` says for each request whether it is "lost" (nothing done), "unheard" (done, but the answer is lost) or fine.
    """

    def __init__(self, fails: Iterator[str] | None = None, refuses: Callable[[Record], bool] = lambda _: False) -> None:
        self.fails = fails
        self.refuses = refuses
        self.runs: dict[str, str] = {}
        self.kept: dict[str, None] = {}
        self.requests: list[list[Record]] = []

    def __call__(self, records: Sequence[Record], run_id: str, folder: Path) -> str:
        fail = next(self.fails, "") if self.fails is not None else ""
        if fail == "lost":
            raise TrackingError("away")
        self.requests.append(list(records))
        if any(self.refuses(record) for record in records):
            raise RequestRefusedError("wrong")
        for record in records:
            if isinstance(record, StartRecord):
                run_id = self.runs.setdefault(record.attempt, f"run{len(self.runs)}")
            elif run_id not in self.runs.values():
                raise RunGoneError("no such run")
            self.kept[f"{run_id} {record.model_dump_json()}"] = None
        if fail == "unheard":
            raise TrackingError("timed out")
        return run_id


def metrics(step: int, n: int = 1) -> MetricsRecord:
    return MetricsRecord(time=step, step=step, values={f"m{k}": float(step) for k in range(n)})


def start(attempt: str) -> StartRecord:
    return StartRecord(time=1, attempt=attempt, tracking_uri="", experiment="e", trial_id="t", tags={})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.create(tmp_path, start("a"))
    yield made
    made.close()


def fill(journal: Journal, *records: Record) -> list[Record]:
    for record in records:
        journal.append(record)
    return [line.record for line in read_lines(journal.folder)]


END = FinishRecord(time=9, status="FINISHED")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fails=st.lists(st.sampled_from(["", "lost", "unheard"]), max_size=30), data=st.data())
def test_everything_arrives_once_and_in_order_whatever_fails(
    fails: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """At each failure the process may also die and another take over."""
    root = tmp_path_factory.mktemp("outbox")
    made: Journal | None = Journal.create(root, start("a"))
    assert made is not None
    records = fill(made, ParamsRecord(values={"a": "1"}), *(metrics(step) for step in range(5)), END)
    store = Store(iter(fails))
    while made.left:
        try:
            publish(made, store)
        except TrackingError:
            if data.draw(st.booleans()):
                made.close()
                made = Journal.take(root / "a")
                assert made is not None
    assert store.runs == {"a": "run0"}
    assert list(store.kept) == [f"run0 {record.model_dump_json()}" for record in records]
    made.remove()


def test_metrics_that_follow_each_other_go_in_few_requests(journal: Journal) -> None:
    fill(journal, *(metrics(step, n=300) for step in range(7)), ParamsRecord(values={}), metrics(8), END)
    store = Store()
    publish(journal, store)
    assert [len(request) for request in store.requests] == [1, 3, 3, 1, 1, 1, 1]
    for request in store.requests:
        assert sum(len(record.values) for record in request if isinstance(record, MetricsRecord)) <= 1000


def test_a_record_without_any_metric_takes_nothing_with_it(journal: Journal) -> None:
    records = fill(journal, metrics(0, n=0), ParamsRecord(values={"a": "1"}), metrics(1, n=0), END)
    store = Store()
    publish(journal, store)
    assert store.requests == [[record] for record in records]


def test_a_record_with_more_metrics_than_a_request_takes_goes_alone(journal: Journal) -> None:
    fill(journal, metrics(0), metrics(1, n=2500), metrics(2))
    store = Store()
    publish(journal, store)
    assert [len(request) for request in store.requests] == [1, 1, 1, 1]


def test_a_refused_record_is_kept_and_does_not_take_others_with_it(journal: Journal) -> None:
    def wrong(record: Record) -> bool:
        return isinstance(record, MetricsRecord) and record.step == 2

    records = fill(journal, *(metrics(step) for step in range(5)), END)
    store = Store(refuses=wrong)
    assert publish(journal, store) == ["wrong"]
    assert list(store.kept) == [f"run0 {record.model_dump_json()}" for record in records if not wrong(record)]
    assert (journal.left, journal.sent.count, journal.sent.refused) == (1, 7, 1)
    assert journal.all_dealt_with
    journal.close()
    again = Journal.take(journal.folder)
    assert again is not None
    assert (again.left, again.sent.refused) == (1, 1), "the next process knows it too"
    again.note(Sent())
    store.refuses = lambda record: False
    assert publish(again, store) == []
    assert again.left == 0
    assert set(store.kept) == {f"run0 {record.model_dump_json()}" for record in records}
    again.close()


def test_a_run_that_is_gone_is_told_again_from_its_beginning(journal: Journal) -> None:
    fill(journal, metrics(1))
    publish(journal, Store())
    records = fill(journal, metrics(2))
    other = Store()
    publish(journal, other)
    assert list(other.kept) == [f"run0 {record.model_dump_json()}" for record in records]


def test_a_refused_start_keeps_everything(journal: Journal) -> None:
    fill(journal, metrics(1))
    with pytest.raises(TrackingError, match="wrong"):
        publish(journal, Store(refuses=lambda record: isinstance(record, StartRecord)))
    assert journal.left == 2
    assert journal.sent.refused == 0


def test_the_thread_sends_until_the_last_and_removes_the_folder(journal: Journal) -> None:
    store = Store(iter(["lost", "unheard"]))
    publisher = Publisher(journal, store)
    publisher.start()
    for record in (metrics(1), metrics(2)):
        journal.append(record)
        publisher.notify()
    publisher.hurry()
    wait_until(lambda: not journal.left)
    assert publisher.is_alive()
    assert journal.folder.is_dir()
    journal.append(END)
    publisher.notify()
    publisher.join(60)
    assert not publisher.is_alive()
    assert len(store.kept) == 4
    assert not journal.folder.exists()


def test_any_error_leaves_the_thread_alive_and_is_told_once(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Store):
        broken, tries = True, 0

        def __call__(self, records: Sequence[Record], run_id: str, folder: Path) -> str:
            self.tries += 1
            if self.broken:
                raise ZeroDivisionError("a bug of a library")
            return super().__call__(records, run_id, folder)

    store = Broken()
    publisher = Publisher(journal, store)
    publisher.start()
    wait_until(lambda: publisher.trouble)

    def try_again() -> None:
        before = store.tries
        publisher.hurry()
        wait_until(lambda: store.tries > before)

    try_again()
    try_again()
    assert journal.left == 1
    assert publisher.trouble == "a bug of a library"
    assert caplog.text.count("the trial goes on") == 1
    store.broken = False
    journal.append(END)
    publisher.notify()
    publisher.hurry()
    publisher.join(60)
    assert len(store.kept) == 2
    assert publisher.trouble == ""


def test_the_pause_stays_short_while_something_arrives(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_FIRST_PAUSE_S", 0.02)
    for _ in range(12):
        fill(journal, ParamsRecord(values={}))
    publisher = Publisher(journal, Store(iter(["", "lost"] * 12)))  # 12 pauses that doubled would last 80 s
    started = time.monotonic()
    publisher.start()
    fill(journal, END)
    publisher.notify()
    publisher.join(60)
    assert not publisher.is_alive()
    assert time.monotonic() - started < 10


def test_the_pause_after_failures_grows_and_hurry_ends_it(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_FIRST_PAUSE_S", 0.01)
    pauses: list[float] = []

    class Noted(threading.Event):
        """Notes pauses as they are asked for, not as a busy machine makes them; the fourth ends by a word only."""

        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            pauses.append(timeout)
            return super().wait(600 if len(pauses) == 4 else timeout)

    class Away(Store):
        def __call__(self, records: Sequence[Record], run_id: str, folder: Path) -> str:
            if len(pauses) < 7:
                raise TrackingError("away")
            return super().__call__(records, run_id, folder)

    publisher = Publisher(journal, Away())
    publisher._hurry = Noted()
    publisher.start()
    wait_until(lambda: len(pauses) == 4)
    publisher.hurry()
    journal.append(END)
    publisher.notify()
    publisher.join(60)
    assert not publisher.is_alive()
    wanted = [0.01, 0.02, 0.04, 0.08, 0.005, 0.01, 0.02]
    assert all(0.75 * mean <= pause <= 1.25 * mean for mean, pause in zip(wanted, pauses, strict=True)), pauses
