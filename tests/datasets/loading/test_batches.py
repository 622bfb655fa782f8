"""Batches: nothing random but by seed, the same from any number of processes."""

import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.errors import IceBenchError, LoaderError, SplitError
from datasets.lake import Lake
from datasets.loading import hand_over
from datasets.loading.batch import Batch
from datasets.loading.batches import BatchDataset, BatchLoader
from datasets.loading.hand_over import next_batch, worker_deaths
from datasets.loading.node_cache import NodeCache
from datasets.patches.crops import RandomCrops
from tests.offspring import wait_until_gone, watched_offspring
from tests.reading import batches_of, cache_in, crowded_cache_in, reader_of


def same(first: Batch, second: Batch) -> bool:
    parts = zip(first.tensors, second.tensors, strict=True)
    return first.windows == second.windows and all(
        torch.equal(torch.nan_to_num(a.float()), torch.nan_to_num(b.float())) for a, b in parts
    )


@pytest.mark.slow
def test_batches_depend_on_seed_and_number_only(tiny_lake: Lake) -> None:
    dataset = batches_of(reader_of(tiny_lake))
    assert len(dataset) == 3
    moved = pickle.loads(pickle.dumps(dataset))
    first = [dataset[index] for index in range(3, 6)]
    assert all(same(own, moved[index]) for own, index in zip(first, (3, 4, 5), strict=True))
    assert not any(same(own, dataset[index]) for own, index in zip(first, (6, 7, 8), strict=True))
    other_seed = batches_of(reader_of(tiny_lake), seed=6)
    assert not any(same(own, other_seed[index]) for own, index in zip(first, (3, 4, 5), strict=True))
    assert len({window for batch in first for window in batch.windows}) == 12


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_patches_of_a_batch(tiny_lake: Lake, world: int) -> None:
    reader = reader_of(tiny_lake)
    whole = batches_of(reader)[1].windows
    parts = [batches_of(reader, rank=rank, world=world)[1].windows for rank in range(world)]
    assert sorted(window for part in parts for window in part) == sorted(whole)
    assert parts[0][0] == whole[0]
    assert parts[1][0] == whole[1]


@pytest.mark.slow
@pytest.mark.parametrize("make", [cache_in, crowded_cache_in])
def test_spawned_workers_make_the_same_batches_epoch_after_epoch(
    tiny_lake: Lake, tmp_path: Path, make: Callable[[Path], NodeCache]
) -> None:
    """From decoded and from compressed arrays those that the lake's chunks give."""
    alone = BatchLoader(batches_of(reader_of(tiny_lake)))
    spawned = BatchLoader(batches_of(reader_of(tiny_lake, cache=make(tmp_path))), workers=2)
    for epoch in (0, 1):
        pairs = zip(alone.epoch(epoch), spawned.epoch(epoch), strict=True)
        assert all(same(own, other) for own, other in pairs)


def load_in_a_daemon(dataset: BatchDataset, answers: "Queue[tuple[str, list[bytes]]]") -> None:
    heard = StringIO()
    logging.getLogger("datasets.loading.batches").addHandler(logging.StreamHandler(heard))
    batches = list(BatchLoader(dataset, workers=2).epoch(0))
    answers.put((heard.getvalue(), [pickle.dumps([part.numpy() for part in batch.tensors]) for batch in batches]))


@pytest.mark.slow
def test_a_daemonic_process_makes_its_batches_itself_and_says_so(tiny_lake: Lake, tmp_path: Path) -> None:
    dataset, spawn = batches_of(reader_of(tiny_lake, cache=cache_in(tmp_path))), multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    daemon = spawn.Process(target=load_in_a_daemon, args=(dataset, answers), daemon=True)
    daemon.start()
    said, batches = answers.get(timeout=240)
    daemon.join()
    assert said == "a daemonic process cannot start 2 loader workers: it makes its batches itself\n"
    for found, expected in zip(batches, BatchLoader(dataset).epoch(0), strict=True):
        for part, own in zip(pickle.loads(found), expected.tensors, strict=True):
            np.testing.assert_array_equal(part, own.numpy())


def test_bytes_are_those_of_the_tensors_and_few(tiny_lake: Lake) -> None:
    dataset = batches_of(reader_of(tiny_lake))
    batch = dataset[0]
    assert batch.nbytes == sum(part.nbytes for part in batch.tensors)
    assert batch.nbytes <= dataset.batch_bytes < 1.5 * batch.nbytes, "known before the first one is made"


def test_a_patch_of_sixteen_channels_takes_few_bytes_a_pixel(tiny_lake: Lake) -> None:
    """int16 SAR, uint8 zones and charts; tie points and cells are next to nothing."""
    batch = batches_of(reader_of(tiny_lake), patch_size=192, max_masked=1.0)[0]
    assert batch.sar.dtype == torch.int16
    rasters = sum(part.nbytes for part in (batch.sar, batch.zones, batch.y))
    assert rasters == (2 * 2 + 1 + batch.y.shape[1]) * 4 * 192 * 192
    assert batch.nbytes - rasters < 4 * 40_000


def test_without_room_for_workers_the_process_makes_its_batches_itself_and_says_so_once(
    tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = batches_of(reader_of(tiny_lake))
    monkeypatch.setattr("datasets.loading.workers.shared_room", lambda: 1e5)
    with caplog.at_level(logging.WARNING):
        loader = BatchLoader(dataset, workers=2)
        found = list(loader.epoch(0))
    assert all(same(own, other) for own, other in zip(found, BatchLoader(dataset).epoch(0), strict=True))
    (said,) = caplog.messages
    assert said.startswith("2 loader workers were wanted and this process makes its batches itself: each holds 4 batc")
    assert "docker run --shm-size" in said


class Astray(RandomCrops):
    """Patches whose second batch meets something that no worker comes back from."""

    trouble = "none"

    def patch(self, reader: object, epoch: int, place: int) -> object:  # type: ignore[override]
        if place >= 4:
            if self.trouble == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.trouble == "sentence":
                raise SplitError("no ice here: look elsewhere")
            if self.trouble == "unsendable":
                raise UnsendableError("two", "words")
        return super().patch(reader, epoch, place)  # type: ignore[arg-type]


class UnsendableError(IceBenchError):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")
        self.held = threading.Lock()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "error", "said"),
    [
        ("killed", LoaderError, r"a loader worker died \(.*\): where the kernel ended it for want of memory"),
        ("sentence", SplitError, "^no ice here: look elsewhere$"),
        ("unsendable", LoaderError, "^two words$"),
    ],
)
def test_what_a_worker_dies_of_is_an_error_with_its_cause(
    tiny_lake: Lake, tmp_path: Path, trouble: str, error: type[Exception], said: str
) -> None:
    """Trials of a study run in a thread, where no signal of the worker's end is heard."""
    reader = reader_of(tiny_lake, cache=cache_in(tmp_path))
    crops = Astray(tiny_lake.catalog().split("train").scene_ids, patch_size=16, max_masked=0.9, length=12, seed=5)
    crops.trouble = trouble
    loader = BatchLoader(BatchDataset(reader, crops, batch_size=4), workers=1)
    with ThreadPoolExecutor(1) as thread, pytest.raises(error, match=said):
        thread.submit(lambda: list(loader.epoch(0))).result(timeout=240)


@pytest.mark.slow
def test_workers_end_with_a_process_that_is_killed(tiny_lake: Lake) -> None:
    code = (
        "import sys, time\n"
        "from datasets.lake import Lake\n"
        "from datasets.loading.batches import BatchLoader\n"
        "from tests.reading import batches_of, reader_of\n"
        "batches = BatchLoader(batches_of(reader_of(Lake.open(sys.argv[1]))), workers=2).epoch(0)\n"
        "next(batches)\n"
        "print('begun', flush=True)\n"
        "time.sleep(600)\n"
    )
    words = [sys.executable, "-c", code, tiny_lake.url]
    root = Path(__file__).parents[3]
    with watched_offspring() as living, subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, text=True) as trainer:
        assert trainer.stdout is not None
        assert trainer.stdout.readline() == "begun\n"
        assert len(living()) > 2, "it and its workers"
        trainer.kill()
        trainer.wait(120)
        assert wait_until_gone(living, 120) == []


def test_a_wait_for_a_batch_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = 0

    class Late(Iterator[Batch]):
        def __next__(self) -> Batch:
            nonlocal waits
            waits += 1
            raise RuntimeError("DataLoader timed out after 5.0 seconds")

    monkeypatch.setattr(hand_over, "BATCH_SECONDS", 0.05)
    with pytest.raises(LoaderError, match=r"no loader worker has handed over the next batch for 0\.05 s"):
        next_batch(Late())
    assert waits > 1, "a short wait of torch is not the end"


def test_only_deaths_of_workers_are_told_as_such() -> None:
    with pytest.raises(LoaderError, match="is killed by signal: Bus error"), worker_deaths():
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error. ")
    with pytest.raises(RuntimeError, match="shapes differ"), worker_deaths():
        raise RuntimeError("shapes differ")


IN_LITTLE_SHARED_MEMORY = """
import logging, sys
from pathlib import Path
from datasets.lake import Lake
from datasets.loading import workers
from datasets.loading.batches import BatchLoader
from tests.reading import batches_of, reader_of

if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    if sys.argv[2] == "unseen":  # somebody else takes the room later
        workers.shared_room = lambda: 1e9
    loader = BatchLoader(batches_of(reader_of(Lake.open(sys.argv[1]))), workers=1)
    try:
        print(sum(len(batch.y) for batch in loader.epoch(0)), "patches")
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("looked", "said"),
    [
        ("seen", ["1 loader workers were wanted and this process makes its batches itself", "12 patches"]),
        ("unseen", ["LoaderError a loader worker cannot hand over a batch of"]),
    ],
)
def test_a_really_small_shared_memory(tiny_lake: Lake, tmp_path: Path, looked: str, said: list[str]) -> None:
    small = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=128k tmpfs /dev/shm && exec "$@"', "sh"]
    try:
        subprocess.run([*small, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount another /dev/shm, on Linux")
    script = tmp_path / "load.py"
    script.write_text(IN_LITTLE_SHARED_MEMORY)
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [*small, sys.executable, str(script), tiny_lake.url, looked],
        env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == len(said), done.stdout + done.stderr
    for line, start in zip(lines, said, strict=True):
        assert line.startswith(start)
