"""Batches: nothing random but by seed, the same from any number of processes."""

import logging
import multiprocessing
import pickle
from io import StringIO
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.lake import Lake
from datasets.loading.batches import Batch, BatchDataset, BatchLoader
from tests.reading import batches_of, cache_in, reader_of


def same(first: Batch, second: Batch) -> bool:
    parts = zip(first[:5], second[:5], strict=True)
    return first.windows == second.windows and all(
        torch.equal(torch.nan_to_num(a.float()), torch.nan_to_num(b.float())) for a, b in parts
    )


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
def test_spawned_workers_make_the_same_batches_epoch_after_epoch(tiny_lake: Lake, tmp_path: Path) -> None:
    dataset = batches_of(reader_of(tiny_lake, cache=cache_in(tmp_path)))
    alone, spawned = BatchLoader(dataset), BatchLoader(dataset, workers=2)
    for epoch in (0, 1):
        pairs = zip(alone.epoch(epoch), spawned.epoch(epoch), strict=True)
        assert all(same(own, other) for own, other in pairs)


def load_in_a_daemon(dataset: BatchDataset, answers: "Queue[tuple[str, list[bytes]]]") -> None:
    heard = StringIO()
    logging.getLogger("datasets.loading.batches").addHandler(logging.StreamHandler(heard))
    batches = list(BatchLoader(dataset, workers=2).epoch(0))
    answers.put((heard.getvalue(), [pickle.dumps([part.numpy() for part in batch[:5]]) for batch in batches]))


@pytest.mark.slow
def test_a_daemonic_process_makes_its_batches_itself_and_says_so(tiny_lake: Lake, tmp_path: Path) -> None:
    dataset, spawn = batches_of(reader_of(tiny_lake, cache=cache_in(tmp_path))), multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    daemon = spawn.Process(target=load_in_a_daemon, args=(dataset, answers), daemon=True)
    daemon.start()
    said, batches = answers.get(timeout=120)
    daemon.join()
    assert said == "a daemonic process cannot start 2 loader workers: it makes its batches itself\n"
    for found, expected in zip(batches, BatchLoader(dataset).epoch(0), strict=True):
        for part, own in zip(pickle.loads(found), expected[:5], strict=True):
            np.testing.assert_array_equal(part, own.numpy())


def test_bytes_are_those_of_the_tensors_and_few(tiny_lake: Lake) -> None:
    batch = batches_of(reader_of(tiny_lake))[0]
    assert batch.nbytes == sum(part.nbytes for part in batch[:5])
    assert batch.nbytes < 0.6 * 4 * (16 * 48 * 48 * 4), "coarse channels travel as coarse cells"
