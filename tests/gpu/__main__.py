"""`python -m tests.gpu`: the GPU tests and benchmarks in at most six minutes; one table, and one JSON file.

A part that fails is a line and no stop; what does not fit the time is left out and said so. Without a CUDA device it
says so, runs the tests that need none, rehearses the benchmarks on the CPU, and ends with 0.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
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
from tests.gpu.conftest import END, LOG

ROOT: Final = Path(__file__).resolve().parents[2]
PARTS: Final = {
    "lake": 60,
    "scenes": 25,
    "feeding": 60,
    "sharing": 50,
    "speed": 90,
}
"""Seconds that a part of the benchmarks may take on an H100 by estimate: it is not begun with less left."""
TESTS_SHARE: Final = 0.4
"""Of the time, for tests; a test that runs then is ended a while later."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0, help="time for all of it (default: 6)")
    parser.add_argument("--out", type=Path, default=Path("icebench-gpu.json"), help="the JSON file")
    given = parser.parse_args()
    began, console = time.time(), Console(width=150)
    end = began + 60 * given.minutes
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
    if not on_gpu:
        console.print("no CUDA device here: tests that need one are skipped, and benchmarks are rehearsed on the CPU")
    found: dict[str, Any] = {"machine": machine(device), "cuda": on_gpu, "tests": [], "rows": [], "parts": []}
    with tempfile.TemporaryDirectory(prefix="icebench-gpu-") as name:
        folder = Path(name)
        found["tests"] = run_tests(folder, began + TESTS_SHARE * (end - began), end - 30)
        benchmarks(folder, device, end, found)
    found["seconds"] = round(time.time() - began, 1)
    given.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    show(found, console)
    console.print(f"{given.out}: all of it, {found['seconds']:.0f} s")
    return int(is_wrong(found))


def machine(device: torch.device) -> dict[str, str]:
    """What the figures belong to."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else platform.processor() or platform.machine(),
        "memory": f"{torch.cuda.get_device_properties(device).total_memory / 2**30:.0f} GiB" if cuda else "-",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()) if cuda else "-",
        "cores": str(os.cpu_count()),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def run_tests(folder: Path, last_start: float, end: float) -> list[dict[str, Any]]:
    """Outcomes of the tests of this folder, in a process of their own: a crash of the GPU leaves the rest."""
    log = folder / "tests.jsonl"
    config = ROOT / "pyproject.toml"
    words = (
        ["-c", str(config)] if config.exists() else ["-o", "markers=gpu: needs a CUDA device", "--rootdir", str(ROOT)]
    )
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), "-q", "-p", "no:cacheprovider"]
    command += ["--import-mode=importlib", "--confcutdir", str(ROOT), *words]
    environment = {**os.environ, LOG: str(log), END: str(last_start)}
    said = ""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            timeout=max(end - time.time(), 1),
            capture_output=True,
            text=True,
            check=False,
        )
        said = (
            ""
            if done.returncode in (0, 1)
            else f"pytest ended with {done.returncode}: {' '.join((done.stdout + done.stderr).split())[-300:]}"
        )
    except subprocess.TimeoutExpired:
        said = "the tests were ended: their time was over"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    found = [json.loads(line) for line in lines]
    return [*found, *([{"test": "all", "outcome": "failed", "seconds": 0, "said": said}] if said else [])]


def benchmarks(folder: Path, device: torch.device, end: float, found: dict[str, Any]) -> None:
    """Runs part after part; `found` gets rows, and a line for each part."""
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
        left, began = end - time.time(), time.time()
        if left < (seconds if device.type == "cuda" else 0):
            line |= {"outcome": "skipped", "said": f"{left:.0f} s are left and it takes about {seconds}: --minutes 15"}
            continue
        try:
            with as_a_trial_computes(), ended_after(left):
                for row in works[name]():  # as they are measured: a part that fails leaves those before
                    found["rows"].append({"part": name, **asdict(row)})
        except Exception as error:  # noqa: BLE001 (a failing part is a line, whatever it is)
            line |= {"outcome": "failed", "said": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        line["seconds"] = round(time.time() - began, 1)


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in work that takes longer."""

    def end(number: int, frame: object) -> None:
        raise TimeoutError("its time was over")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1.0))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_MODULES: Final = (scenes, feeding, sharing, speed)


def is_wrong(found: dict[str, Any]) -> bool:
    """Whether a test or a part failed, or a goal was missed on a GPU (a rehearsal has none)."""
    outcomes = [each["outcome"] for each in (*found["tests"], *found["parts"])]
    return "failed" in outcomes or (found["cuda"] and any(row["reached"] is False for row in found["rows"]))


def show(found: dict[str, Any], console: Console) -> None:
    """One table: figures first, then what failed or was left out."""
    about = found["machine"]
    title = f"{about['device']}, torch {about['torch']}, CUDA {about['cuda']}, {about['date']}"
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
