"""Which processes are a platform's: never by a pid or a name alone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from infra.platform.processes import end, living, supervisor_of
from infra.platform.state import MARK

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={})
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def marked(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process of the platform in `tmp_path`; its child has another environment."""
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], env={**os.environ, MARK: str(tmp_path)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    (child,) = psutil.Process(process.pid).children()
    yield process
    for each in (child, process):
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    process.stdout.close()


def test_a_process_and_what_it_started(marked: "subprocess.Popen[str]", tmp_path: Path) -> None:
    (child,) = psutil.Process(marked.pid).children()
    assert {process.pid for process in living(tmp_path)} == {marked.pid, child.pid}
    assert living(tmp_path / "other") == []


def test_a_recorded_pid_that_is_somebody_else_s_by_now(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        (tmp_path / "supervisord.pid").write_text(f"{other.pid}\n")
        assert supervisor_of(tmp_path) is None
        assert end(tmp_path, patience_s=1) == 0
        assert other.poll() is None
        other.kill()


def test_no_pid_file_or_a_broken_one(tmp_path: Path) -> None:
    assert supervisor_of(tmp_path) is None
    (tmp_path / "supervisord.pid").write_text("x")
    assert supervisor_of(tmp_path) is None


@pytest.mark.slow
def test_what_does_not_want_to_end_is_killed_with_its_children(
    marked: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.platform.processes._LAST_WORDS_S", 1.0)
    (child,) = psutil.Process(marked.pid).children()
    assert end(tmp_path, patience_s=1) == 2
    assert living(tmp_path) == []
    assert marked.wait(60) is not None
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_who_asks_is_left_alive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`down` typed inside of a job, whose environment has the mark."""
    code = "import sys; from pathlib import Path; from infra.platform.processes import end; "
    code += "print(end(Path(sys.argv[1]), patience_s=1))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, MARK: str(tmp_path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_one_that_nobody_asks_for_counts_as_gone(tmp_path: Path) -> None:
    """In a container whose first process does not ask for the dead, they stay listed."""
    start = (
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], env={{{MARK!r}: {str(tmp_path)!r}}})"
    )
    script = f"import subprocess, sys, time; print({start}.pid, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as careless:
        assert careless.stdout is not None
        (tmp_path / "supervisord.pid").write_text(careless.stdout.readline())
        since = time.monotonic()
        assert end(tmp_path, patience_s=120) == 1
        assert time.monotonic() - since < 60
        careless.kill()
