"""The published U-Net against a model of it that only moves memory; compiled and captured against eager."""

import time
from collections.abc import Iterator

import torch

from tests.benchmarks.data_wait import SameBatch
from tests.gpu.benchmarks.measured import Bench, Row, batches_of, captured, steps_per_second, trainer_of
from tests.gpu.benchmarks.memory_model import traffic_of
from training.loop.precision import precision_of
from training.models import build_network

REACH = 0.5


def bandwidth(device: torch.device) -> float:
    """Bytes per second of a large copy on the device: read and written."""
    values = torch.empty(1 << (28 if device.type == "cuda" else 22), device=device)
    there, best = torch.empty_like(values), float("inf")
    for _ in range(10):
        _wait(device)
        started = time.perf_counter()
        there.copy_(values)
        _wait(device)
        best = min(best, time.perf_counter() - started)
    return 2 * values.nbytes / best


def measure(bench: Bench) -> Iterator[Row]:
    """One batch again and again, as three kinds of network."""
    spec, device = bench.of(2), bench.device
    precision = precision_of(spec.loop, device)
    with torch.device("meta"):
        model = build_network(spec)
    patch = (len(spec.data.channels), spec.data.patch_size, spec.data.patch_size)
    moved = traffic_of(model, patch, spec.loop.batch_size, value_bytes=precision.itemsize).step
    speed = bandwidth(device)
    bound = speed / moved
    same = SameBatch(batches_of(bench, spec, "device"), bench.steps)
    eager = 0.0
    kinds = ("eager",) if bench.rehearsal else ("eager", "compiled", "captured graphs")
    for kind in kinds:
        torch.compiler.reset()
        trainer = trainer_of(spec.with_("loop.compile", kind == "compiled"), device, bench.steps)
        if kind == "captured graphs":
            trainer = captured(trainer)
        try:
            rate = steps_per_second(trainer, same, device) * spec.loop.batch_size
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 (a machine without a compiler: the others are measured all the same)
            yield Row(what=f"published U-Net, {kind}", measured=f"failed: {str(error).splitlines()[0][:80]}")
            continue
        eager = eager or rate
        yield Row(
            what=f"published U-Net, {kind}, against its memory-bound model",
            measured=f"{rate:.0f} patches/s",
            floor=f"{bound:.0f} patches/s",
            ratio=rate / bound,
            reach=f">= {REACH}" if kind == "eager" else "-",
            reached=rate >= REACH * bound if kind == "eager" else None,
            note=f"{moved / 1e9:.2f} GB per patch, {speed / 1e12:.2f} TB/s copied, {precision}; "
            f"{rate / eager:.2f} x eager",
        )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
