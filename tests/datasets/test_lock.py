"""One process at a time changes a lake; see tests/sweeps/record/test_claim.py for locks that lapse."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datasets.errors import LakeAccessError, LakeLockedError
from datasets.lock import lock_lake, lock_owner
from datasets.prefixes import sizes
from datasets.storage import create, replace

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["disk", "memory", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3")
    places = {"disk": str(tmp_path / "lake"), "memory": f"memory://{tmp_path.name}", "s3": f"s3://lake/{tmp_path.name}"}
    return places[request.param]


def test_a_lock_is_of_one(place: str) -> None:
    with lock_lake(place) as lock:
        lock.check()
        with (
            pytest.raises(LakeLockedError, match=f"process {os.getpid()} on .* wait until it has ended"),
            lock_lake(place),
        ):
            pytest.fail("two have the lock")
        with lock_lake(place, break_lock=True) as second:
            with pytest.raises(LakeLockedError, match="was broken while this build ran"):
                lock.check()
            second.check()
        with pytest.raises(LakeLockedError, match="its lock is gone"):
            lock.check()
        with lock_lake(place):
            pass
    with pytest.raises(RuntimeError, match="released"), lock_lake(place):
        raise RuntimeError("released")
    with lock_lake(place):
        pass


def test_a_polite_kill_releases_any_lock(tmp_path: Path) -> None:
    def ended() -> None:
        with lock_lake(str(tmp_path)):
            assert (tmp_path / "lock.json").exists()
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="143"):
        ended()
    assert not (tmp_path / "lock.json").exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_store_that_refuses_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(url: str) -> dict[str, int]:
        raise LakeAccessError("there is no bucket")

    monkeypatch.setattr("datasets.lock._row", refuse)
    with pytest.raises(LakeAccessError, match="no bucket"), lock_lake(str(tmp_path)):
        pass
    assert caplog.messages == []
    monkeypatch.undo()
    with lock_lake(str(tmp_path)):
        monkeypatch.setattr("datasets.lock._row", refuse)
    assert ["could not be removed: there is no bucket" in message for message in caplog.messages] == [True]


def test_a_thread_takes_a_lock_too(tmp_path: Path) -> None:
    def take() -> bool:
        with lock_lake(str(tmp_path)):
            return (tmp_path / "lock.json").exists()

    with ThreadPoolExecutor() as pool:
        assert pool.submit(take).result()


def test_nothing_of_a_broken_lock_stays(place: str) -> None:
    killed = "import os, sys; from datasets.lock import lock_lake\nwith lock_lake(sys.argv[1]): os.kill(os.getpid(), 9)"
    if not place.startswith("memory"):
        subprocess.run([sys.executable, "-c", killed, place], cwd=ROOT, check=False)
        with pytest.raises(LakeLockedError, match="no such process runs on this machine any more"), lock_lake(place):
            pass
    replace(f"{place}/lock.json", b"half of")
    assert lock_owner(place) == "its lock.json is torn"
    for _ in range(2):
        with (
            pytest.raises(LakeLockedError, match=r"its lock\.json is torn\): wait until it has ended"),
            lock_lake(place),
        ):
            pass
    with lock_lake(place, break_lock=True):
        assert f"process {os.getpid()} on" in (lock_owner(place) or "")
    assert lock_owner(place) is None
    assert sizes(place) == {}


def test_a_lock_of_an_earlier_version_is_one(tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text('{"host": "h", "pid": 7, "started": "2026-01-02", "token": "abc"}')
    with pytest.raises(LakeLockedError, match="process 7 on h, started 2026-01-02"), lock_lake(str(tmp_path)):
        pass


@pytest.mark.parametrize("links", [True, False])
def test_a_new_object_is_whole_and_of_one(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with ThreadPoolExecutor(8) as pool:
        contents = [bytes([number]) * 100_000 for number in range(8)]
        won = list(pool.map(lambda content: create(str(tmp_path / "folder" / "object"), content), contents))
    assert sum(won) == 1
    assert (tmp_path / "folder" / "object").read_bytes() == contents[won.index(True)]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["object"]
