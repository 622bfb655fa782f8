"""Trials per GPU-hour where 1, 2 and 4 of them share one GPU: processes that train side by side on their own batch.

`python -m tests.gpu.benchmarks.sharing SECONDS BATCH PATCH` is one of them: it says `ready`, waits for a line, trains
for so many seconds and prints its steps per second.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from tests.gpu.benchmarks.measured import Bench, Row, trainer_of
from tests.gpu.benchmarks.scenes import EPOCHS, STEPS
from training.loop.step_cost import _RandomBatches
from training.spec.protocols import ICEBENCH_UNET

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 5.0
TOGETHER = (1, 2, 4)
_PATIENCE_S = 90.0


def measure(bench: Bench) -> Iterator[Row]:
    """Each number of trials for some seconds."""
    alone = 0.0
    seconds, sizes = (0.2, TOGETHER[:2]) if bench.rehearsal else (SECONDS, TOGETHER)
    for together in sizes:
        rates = _side_by_side(together, seconds, bench)
        per_hour = sum(rates) * 3600 / (EPOCHS * STEPS)
        alone = alone or per_hour
        yield Row(
            what=f"{together} trial{'s' if together > 1 else ''} on one GPU",
            measured=f"{per_hour:.2f} trials per GPU-hour",
            floor=f"{alone:.2f} (one)",
            ratio=per_hour / alone,
            note=f"training steps alone, {EPOCHS} x {STEPS} each; {min(rates):.1f} to {max(rates):.1f} steps/s",
        )


def _side_by_side(together: int, seconds: float, bench: Bench) -> list[float]:
    words = [str(seconds), str(bench.spec.loop.batch_size), str(bench.spec.data.patch_size)]
    command = [sys.executable, "-m", "tests.gpu.benchmarks.sharing", *words]
    trials = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(together)
    ]
    end = time.monotonic() + _PATIENCE_S
    try:
        for trial in trials:
            assert trial.stdout is not None
            if trial.stdout.readline().strip() != "ready":
                raise RuntimeError("a trial that was to share the GPU ended before it began")
        return [float(trial.communicate(timeout=end - time.monotonic())[0]) for trial in _begun(trials)]
    finally:
        for trial in trials:
            trial.kill()
            trial.wait()


def _begun(trials: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """All of them told to begin before any is waited for."""
    for trial in trials:
        assert trial.stdin is not None
        trial.stdin.write("go\n")
        trial.stdin.flush()
    return trials


def main() -> None:
    """One trial among several."""
    seconds, batch, patch = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    spec = ICEBENCH_UNET.with_all({"loop.batch_size": batch, "data.patch_size": patch})
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    block = 10 if device.type == "cuda" else 1
    trainer, batches = trainer_of(spec, device, block), _RandomBatches(spec, block, device)
    trainer.train_epoch(batches, 0)
    print("ready", flush=True)
    sys.stdin.readline()
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        trainer.train_epoch(batches, 0)
        done += block
    print(done / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
