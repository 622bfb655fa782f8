"""Steps per second from loader processes and from the device, against the same batch in the device's memory."""

from collections.abc import Iterator

from tests.benchmarks.data_wait import SameBatch
from tests.gpu.benchmarks.measured import RATIOS, Bench, Row, batches_of, steps_per_second, trainer_of

REACH = {"loader": 0.95, "device": 0.98}


def measure(bench: Bench) -> Iterator[Row]:
    """All ratios, both feeds."""
    for ratio in RATIOS:
        spec = bench.of(ratio)
        rates = {}
        for feed in REACH:
            batches = batches_of(bench, spec, feed)
            rates[feed] = steps_per_second(trainer_of(spec, bench.device, bench.steps), batches, bench.device)
            if feed == "device":
                same = SameBatch(batches, bench.steps)
                floor = steps_per_second(trainer_of(spec, bench.device, bench.steps), same, bench.device)
            del batches
        for feed, least in REACH.items():
            yield Row(
                what=f"training fed by the {feed}, ratio {ratio}",
                measured=f"{rates[feed]:.1f} steps/s",
                floor=f"{floor:.1f} steps/s",
                ratio=rates[feed] / floor,
                reach=f">= {least}",
                reached=rates[feed] >= least * floor,
                note=f"{bench.steps} batches of {spec.loop.batch_size}, {bench.workers} processes, cached",
            )
