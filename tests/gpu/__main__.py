"""`python -m tests.gpu`: the GPU tests and benchmarks in at most six minutes; one table, and one JSON file.

A part that fails is a line and no stop; what does not fit the time is left out and said so. The file is written after
every part, so that a run that is ended from outside leaves what it has, and one that hangs is given up. Without a CUDA
device it says so, runs the tests that need none, rehearses the benchmarks on the CPU, and ends with 0.
"""

import argparse
import json
import os
import platform
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch
from rich.console import Console
from rich.table import Table

from tests.gpu.benchmarks import feeding, scenes, sharing, speed
from tests.gpu.benchmarks.measured import Bench, as_a_trial_computes, make_bench
from tests.gpu.running import run_tests

PARTS: Final = {
    "lake": 60,
    "scenes": 25,
    "feeding": 60,
    "speed": 25,
    "sharing": 45,
}
"""Seconds of a part of the benchmarks on an H100 by estimate: it is not begun with less left (`speed`: of its first
row), and ended after `PATIENCE` times as many."""
PATIENCE: Final = 3
TESTS_SHARE: Final = 0.35
TESTS_END: Final = 0.5
"""Of the time: when no further test is begun, and when the one that runs is ended."""
GRACE_S: Final = 10.0
"""From the end of a part's time to where it is given up, since it hangs below Python."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0, help="time for all of it (default: 6)")
    parser.add_argument("--out", type=Path, default=Path("icebench-gpu.json"), help="the JSON file")
    given = parser.parse_args()
    began, console = time.time(), Console(width=150)
    end = began + 60 * given.minutes - GRACE_S
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
    if not on_gpu:
        console.print("no CUDA device here: tests that need one are skipped, and benchmarks are rehearsed on the CPU")
    found: dict[str, Any] = {"machine": machine(device), "cuda": on_gpu, "tests": [], "rows": [], "parts": []}

    def keep() -> None:
        found["seconds"] = round(time.time() - began, 1)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        part = given.out.with_name(f".{given.out.name}.part")
        part.write_text(json.dumps(found, indent=1), encoding="utf-8")
        part.replace(given.out)

    def finish() -> int:
        keep()
        show(found, console)
        console.print(f"{given.out}: all of it, {found['seconds']:.0f} s")
        return int(is_wrong(found))

    def give_up() -> None:
        """In a thread of its own, since the main one hangs."""
        found["parts"] = [
            *found["parts"][:-1],
            {**found["parts"][-1], "outcome": "failed", "said": "it hangs: given up"},
        ]
        os._exit(finish())

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what there is is shown and kept
    keep()
    try:
        with tempfile.TemporaryDirectory(prefix="icebench-gpu-", ignore_cleanup_errors=True) as name:
            folder, time_of_all = Path(name), end - began
            try:
                run_tests(folder, began + TESTS_SHARE * time_of_all, began + TESTS_END * time_of_all, found["tests"])
            finally:
                keep()
            benchmarks(folder, device, end, found, keep, give_up)
    except KeyboardInterrupt:
        found["parts"].append({"part": "all", "outcome": "failed", "said": "ended by a signal", "seconds": 0.0})
    return finish()


def machine(device: torch.device) -> dict[str, str]:
    """What the figures belong to."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else platform.processor() or platform.machine(),
        "memory": f"{torch.cuda.get_device_properties(device).total_memory / 2**30:.0f} GiB" if cuda else "-",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
        "driver": driver(),
        "cudnn": str(torch.backends.cudnn.version()) if cuda else "-",
        "cores": str(os.cpu_count()),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def driver(told: Path = Path("/proc/driver/nvidia/version")) -> str:
    """Version of the GPU's driver, which the kernel tells where nvidia-smi is missing, too."""
    try:
        found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", told.read_text(encoding="utf-8"))
    except OSError:
        return "-"
    return found[0] if found else "-"


def benchmarks(
    folder: Path,
    device: torch.device,
    end: float,
    found: dict[str, Any],
    keep: Callable[[], None] = lambda: None,
    give_up: Callable[[], None] = lambda: None,
) -> None:
    """Runs part after part; `found` gets rows, and a line for each part.

    `keep` is called after each, and `give_up` in a thread where one does not end though its time is over.
    """
    bench: Bench | None = None

    def lake() -> Iterable[Any]:
        nonlocal bench
        bench = make_bench(folder, device)
        return []

    def part_of(measure: Callable[[Bench], Iterable[Any]]) -> Callable[[], Iterable[Any]]:
        def measured() -> Iterable[Any]:
            if bench is None:
                raise RuntimeError("there is no lake to measure on")
            return measure(bench)

        return measured

    works = {"lake": lake, **{module.__name__.rpartition(".")[2]: part_of(module.measure) for module in _MODULES}}
    for name, seconds in PARTS.items():
        line = {"part": name, "outcome": "ran", "said": "", "seconds": 0.0}
        found["parts"].append(line)
        left, began, rows = end - time.time(), time.time(), len(found["rows"])
        if left < (seconds if device.type == "cuda" else 0):
            line |= {"outcome": "skipped", "said": f"{left:.0f} s are left and it takes about {seconds}: --minutes 15"}
            continue
        try:
            with as_a_trial_computes(), ended_after(min(left, PATIENCE * seconds), give_up):
                for row in works[name]():  # as they are measured: a part that fails leaves those before
                    found["rows"].append({"part": name, **asdict(row)})
                    keep()
        except TimeoutError as error:
            outcome = "skipped" if len(found["rows"]) > rows else "failed"
            line |= {"outcome": outcome, "said": f"{error} after {len(found['rows']) - rows} rows: --minutes 15"}
        except Exception as error:  # noqa: BLE001 (a failing part is a line, whatever it is)
            line |= {"outcome": "failed", "said": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        line["seconds"] = round(time.time() - began, 1)
        keep()


@contextmanager
def ended_after(seconds: float, give_up: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Raises TimeoutError in work that takes longer; calls `give_up` where that does not end it either.

    A signal is heard between two steps of Python: what waits for a GPU that never answers does not hear it.
    """

    def end(number: int, frame: object) -> None:
        raise TimeoutError("its time was over")

    watch = threading.Timer(max(seconds, 1.0) + GRACE_S, give_up)
    watch.daemon = True
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1.0))
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_MODULES: Final = (scenes, feeding, speed, sharing)


def is_wrong(found: dict[str, Any]) -> bool:
    """Whether a test or a part failed, or a goal was missed on a GPU (a rehearsal has none)."""
    outcomes = [each["outcome"] for each in (*found["tests"], *found["parts"])]
    return "failed" in outcomes or (found["cuda"] and any(row["reached"] is False for row in found["rows"]))


def show(found: dict[str, Any], console: Console) -> None:
    """One table: figures first, then what failed or was left out."""
    about = found["machine"]
    title = (
        f"{about['device']}, driver {about['driver']}, torch {about['torch']}, CUDA {about['cuda']}, {about['date']}"
    )
    table = Table(title=title if found["cuda"] else f"{title}: a rehearsal, no figures")
    for column in ("what", "measured", "floor", "ratio", "reach", "note"):
        table.add_column(column)
    for row in found["rows"]:
        ok = "" if row["reached"] is None or not found["cuda"] else (" ok" if row["reached"] else " MISSED")
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        table.add_row(row["what"], row["measured"], row["floor"], ratio, row["reach"] + ok, row["note"])
    outcomes = [each["outcome"] for each in found["tests"]]
    counts = ", ".join(f"{outcomes.count(kind)} {kind}" for kind in ("passed", "failed", "skipped"))
    table.add_row("tests", counts, "-", "-", "-", "; ".join(_reasons(found["tests"])))
    for line in (*found["tests"], *found["parts"]):
        if line["outcome"] == "failed" or (line["outcome"] == "skipped" and "part" in line):
            table.add_row(str(line.get("test") or line["part"]), line["outcome"], "-", "-", "-", line["said"])
    console.print(table)


def _reasons(tests: list[dict[str, Any]]) -> list[str]:
    said = [each["said"].removeprefix("Skipped: ") for each in tests if each["outcome"] == "skipped"]
    return [f"{said.count(reason)} x {reason}" for reason in dict.fromkeys(said)]


if __name__ == "__main__":
    sys.exit(main())
