"""A killed run leaves nothing: neither what it started nor what these started, whoever has adopted them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.offspring import wait_until_gone
from tests.watchman import MARK

RUN = """
import subprocess, sys, time
from tests.watchman import watch_this_run
watch_this_run()
starts = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=-3).pid)"
orphan = subprocess.run([sys.executable, "-c", starts, sys.argv[1]], stdout=-1).stdout
daemon = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
print(int(orphan), daemon.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_nothing(how: signal.Signals) -> None:
    words = [sys.executable, "-c", RUN, "import time; time.sleep(600)"]
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    with subprocess.Popen(
        words, cwd=Path(__file__).parents[1], env=environment, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        left = [psutil.Process(int(pid)) for pid in run.stdout.readline().split()]
        assert len(left) == 2
        run.send_signal(how)
        assert run.wait(120) == -how
    assert wait_until_gone(lambda: [process for process in left if process.is_running()], 10) == []
