"""`python -m tests.mutants`: makes every mutant of the list in a copy of the tree, and runs the tests that must fail.

First all these tests run once on the copy as it is: a test that fails anyway says nothing. Then one mutant after the
other, in as many copies as there are cores. Exit code 1 where fewer than 97 % are killed, or where one breaks imports.
"""

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.server import TIMED_OUT

ROOT: Final = Path(__file__).parents[2]
LEAST: Final = 0.97
"""Share of the mutants that must be killed."""
SECONDS: Final = 180.0
"""A mutant whose tests take longer hangs, and is killed."""
SHARED: Final = ("raw-train", "raw-test", "tiny-lake", "wired-lake")
"""What tests build once per run (`tests.built_once`); a mutant of training or sweeps need not build it again."""
BUILDERS: Final = ("ingest/", "datasets/")
"""A mutant of these may build something else."""
READERS: Final = ("datasets/loading/", "datasets/patches/")
"""But these only read."""
_PASSED, _FAILED = 0, 1


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: `killed`, `survived`, or `broken` where its tests could not even be collected."""

    mutant: Mutant
    word: str
    seconds: float
    log: str


class Copy:
    """A copy of the tree, with a process that runs tests in it."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        self._folder, self._tree = folder, folder / "tree"
        for name in files:
            target = self._tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        # As a worker of a run that several share, tests find what an earlier one has built; see `tests.built_once`.
        environment = {**os.environ, **one, "PYTHONPATH": str(self._tree), "PYTEST_XDIST_WORKER": "gw0"}
        self._stamp = int(time.time()) + 10
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.server"],
            cwd=self._tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        self._answer()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def as_it_is(self, tests: Sequence[str]) -> str:
        """Runs tests on the unchanged tree, and keeps what they build; what they say if one fails."""
        code, _, log = self._run(tests, [], 3600.0)
        kept = self._folder / "kept"
        kept.mkdir()
        for name in SHARED:
            if (self._folder / "run" / f"{name}.json").exists():
                shutil.move(self._folder / "run" / name, kept / name)
                shutil.move(self._folder / "run" / f"{name}.json", kept / f"{name}.json")
        return "" if code == _PASSED else f"exit code {code} of pytest\n{log}"

    def try_out(self, mutant: Mutant) -> Verdict:
        """Makes the mutant, runs its tests, and takes it back."""
        path = self._tree / mutant.file
        source = path.read_text(encoding="utf-8")
        self._write(path, mutant.applied(source))
        only_reads = mutant.file.startswith(READERS) or not mutant.file.startswith(BUILDERS)
        try:
            code, seconds, log = self._run(mutant.tests.split(), SHARED if only_reads else [], SECONDS)
        finally:
            self._write(path, source)
        word = {_PASSED: "survived", _FAILED: "killed", TIMED_OUT: "killed"}.get(code, "broken")
        return Verdict(mutant, word, seconds, log)

    def _write(self, path: Path, text: str) -> None:
        """Each time with another time of change, so that Python compiles it again."""
        path.write_text(text, encoding="utf-8")
        self._stamp += 1
        os.utime(path, (self._stamp, self._stamp))

    def _run(self, tests: Sequence[str], shared: Sequence[str], seconds: float) -> tuple[int, float, str]:
        run, log = self._folder / "run", self._folder / "log.txt"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir()
        for name in shared:
            self._give(self._folder / "kept" / name, run / name)
        own = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", f"--basetemp={run / 'gw0'}"]
        own += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # zarr and hypothesis are there already
        arguments = [*own, "-x", "-q", "--no-header", "--tb=short", *tests]
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps({"arguments": arguments, "seconds": seconds, "log": str(log)}) + "\n")
        self._server.stdin.flush()
        answer = self._answer()
        return answer["code"], answer["seconds"], log.read_text(encoding="utf-8", errors="replace")

    def _give(self, kept: Path, place: Path) -> None:
        """Links the files of what was built: nothing is changed in place, so the original stays."""
        told = kept.with_name(f"{kept.name}.json")
        if told.exists():
            shutil.copytree(kept, place, copy_function=os.link)
            place.with_name(told.name).write_text(told.read_text())

    def _answer(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line:
            raise SystemExit("the process that runs the tests has ended: look at what it wrote above")
        found: dict[str, Any] = json.loads(line)
        return found


def tree() -> list[str]:
    """Files of the checkout as they are now: tracked ones, and new ones that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


def main() -> int:
    """Runs all mutants, or some."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="copies that work side by side")
    parser.add_argument("--only", default="", help="mutants with this text in their file or in what is wrong")
    given = parser.parse_args()
    mutants = [each for each in MUTANTS if given.only in f"{each.file} {each.wrong}"]
    problems = [problem for each in mutants if (problem := each.problem((ROOT / each.file).read_text("utf-8")))]
    if problems or not mutants:
        print("\n".join(problems) or f"no mutant has {given.only!r}", file=sys.stderr)
        return 1
    started, files = time.monotonic(), tree()
    with tempfile.TemporaryDirectory(prefix="icebench-mutants-") as name, ExitStack() as stack:
        jobs = min(given.jobs, len(mutants))
        copies = [stack.enter_context(Copy(Path(name) / str(place), files)) for place in range(jobs)]
        every = sorted({test for each in mutants for test in each.tests.split()})
        print(f"{len(mutants)} mutants; first their {len(every)} tests on the tree as it is", flush=True)
        if failed := "\n".join(_as_it_is(copies, every)):
            print(f"these fail without a mutant:\n{failed}", file=sys.stderr)
            return 1
        print(f"they pass ({time.monotonic() - started:.0f} s)", flush=True)
        verdicts = _try_all(copies, mutants)
    return _table(verdicts, time.monotonic() - started)


def _as_it_is(copies: Sequence[Copy], tests: Sequence[str]) -> list[str]:
    """Every copy builds what it will share; the tests are divided among them by file."""
    said = [""] * len(copies)
    files = sorted({test.partition("::")[0] for test in tests})

    def work(place: int) -> None:
        own = {name for number, name in enumerate(files) if number % len(copies) == place}
        asked = [test for test in tests if test.partition("::")[0] in own]
        said[place] = copies[place].as_it_is(["tests/wires/test_lake.py", *asked])

    _side_by_side([threading.Thread(target=work, args=(place,)) for place in range(len(copies))])
    return [log for log in said if log]


def _try_all(copies: Sequence[Copy], mutants: Sequence[Mutant]) -> list[Verdict]:
    waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants:
        waiting.put(mutant)
    verdicts: list[Verdict] = []
    lock, started = threading.Lock(), time.monotonic()

    def work(copy: Copy) -> None:
        while True:
            try:
                mutant = waiting.get_nowait()
            except queue.Empty:
                return
            found = copy.try_out(mutant)
            with lock:
                verdicts.append(found)
                left = (time.monotonic() - started) / len(verdicts) * (len(mutants) - len(verdicts))
                place = f"[{len(verdicts):3}/{len(mutants)}, {left / 60:4.1f} min left]"
                print(f"{place} {found.word:8} {found.seconds:5.1f} s  {mutant.file}: {mutant.wrong}", flush=True)
                if found.word == "broken":
                    print("\n".join(found.log.splitlines()[-20:]), file=sys.stderr, flush=True)

    _side_by_side([threading.Thread(target=work, args=(copy,)) for copy in copies])
    return verdicts


def _side_by_side(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _table(verdicts: Sequence[Verdict], seconds: float) -> int:
    """Prints what became of them by room, and those that survived; the exit code."""
    print(f"\n{'room':10} {'mutants':>8} {'killed':>8}")
    made, killed = (
        Counter(each.mutant.room for each in verdicts if each.word in words)
        for words in (("killed", "survived", "broken"), ("killed",))
    )
    for room in sorted(made):
        print(f"{room:10} {made[room]:8} {killed[room]:8}")
    for each in verdicts:
        if each.word != "killed":
            print(f"{each.word}: {each.mutant.file}: {each.mutant.wrong} (tests: {each.mutant.tests})")
    share = killed.total() / len(verdicts)
    print(
        f"killed {killed.total()} of {len(verdicts)}, {share:.1%} (at least {LEAST:.0%} wanted), {seconds / 60:.1f} min"
    )
    return int(share < LEAST or any(each.word == "broken" for each in verdicts))


if __name__ == "__main__":
    sys.exit(main())
