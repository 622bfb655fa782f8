"""Bytes and connections of all processes of a machine together, whatever becomes of a process."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.errors import ScratchError
from ingest.stream.scratch import Scratch

ROOT = Path(__file__).parents[3]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return Scratch.of_lake("s3://bucket/lake", limit=1000, connections=2)


def test_rooms_share_the_limit_and_leave_nothing(scratch: Scratch) -> None:
    sizes, most = [300, 700, 400, 999, 1, 600, 500], 0
    now, counting = 0, threading.Lock()

    def work(size: int) -> None:
        nonlocal now, most
        with scratch.room("a", size) as folder:
            with counting:
                now += size
                most = max(most, now)
            (folder / "scene.nc").write_bytes(bytes(size))
            time.sleep(0.02)
            with counting:
                now -= size

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, sizes * 2))
    assert 700 < most <= 1000
    assert not list(scratch.folder.glob("[0-9]*"))
    scratch.remove()
    assert not scratch.folder.exists()


def test_what_a_killed_process_left_is_removed(scratch: Scratch) -> None:
    program = (
        "import sys, time; from ingest.stream.scratch import Scratch\n"
        "with Scratch.of_lake('s3://bucket/lake', limit=1000, connections=2).room('a', 900) as folder:\n"
        "    (folder / 'scene.nc').write_bytes(bytes(900)); print(folder, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        assert left.parent == scratch.folder
        with pytest.raises(ScratchError, match="wait for the other build"), scratch.room("b", 200, wait=False):
            pass
        os.kill(process.pid, signal.SIGKILL)
    assert (left / "scene.nc").exists()
    with scratch.room("b", 200, wait=False):
        assert not left.exists()
    scratch.remove()
    assert not scratch.folder.exists()


def test_connections_are_bounded(scratch: Scratch) -> None:
    now, most, counting = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal now, most
        with scratch.connection():
            with counting:
                now += 1
                most = max(most, now)
            time.sleep(0.02)
            with counting:
                now -= 1

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(work, range(10)))
    assert most == 2


def test_what_can_never_lie_there_is_refused(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScratchError, match=r"too small for 'a.zip/b.nc', which takes 5.0 MB .* --scratch 6MB"):
        scratch.check("a.zip/b.nc", 5_000_001)
    with pytest.raises(ScratchError, match=r"is too small"), scratch.room("a", 1001):
        pass
    with pytest.raises(ScratchError, match="the largest scene takes"):
        scratch.check_disk(1 << 60)
    scratch.check_disk(1)
    (tmp_path := scratch.folder.parent).joinpath("elsewhere").mkdir()
    scratch.folder.symlink_to(tmp_path / "elsewhere")
    if os.geteuid() == 0:  # only root can give something away
        os.lchown(scratch.folder, 12345, -1)
        with pytest.raises(ScratchError, match="belongs to another user"), scratch.room("a", 1):
            pass
    scratch.folder.unlink()
    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(ScratchError, match="belongs to another user"), scratch.room("a", 1):
        pass
