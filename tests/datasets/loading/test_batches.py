"""Batches: windows of the whole scene, nothing random but by seed, the same from any number of processes."""

import logging
import multiprocessing
import pickle
from io import StringIO
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.channels import INPUTS
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batches import Batch, BatchDataset, BatchLoader, Window
from datasets.loading.normalize import Normalization
from datasets.loading.scene_inputs import SceneInputs
from datasets.loading.scene_reader import SceneReader
from tests.reading import CPU, assembler_of, batches_of, cache_in, reader_of, whole_input


def same(first: Batch, second: Batch) -> bool:
    parts = zip(first[:5], second[:5], strict=True)
    return first.windows == second.windows and all(
        torch.equal(torch.nan_to_num(a.float()), torch.nan_to_num(b.float())) for a, b in parts
    )


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1, 2, 5])
@pytest.mark.parametrize("kept", [False, True])
def test_patches_and_windows_are_windows_of_the_whole_scene(
    tiny_lake: Lake, tmp_path: Path, ratio: int, kept: bool
) -> None:
    """Training and evaluation see the same inputs, sub-cell offset of the 2 km grid included."""
    reader = reader_of(tiny_lake, ratio=ratio, cache=cache_in(tmp_path) if kept else None)
    assemble = assembler_of(reader)
    batch = batches_of(reader)[1]
    x = assemble(batch)
    assert x.dtype == torch.float32
    assert x.shape == (4, 16, 48, 48)
    assert batch.y.shape == (4, 2, 48, 48)
    for row, (scene_id, line, sample) in enumerate(batch.windows):
        whole = whole_input(tiny_lake, scene_id, ratio)
        lines, samples = slice(line, line + 48), slice(sample, sample + 48)
        np.testing.assert_allclose(x[row], whole[:, lines, samples], atol=2e-5)
        stored = tiny_lake.scene(scene_id).open(ratio).isel(line=lines, sample=samples)
        np.testing.assert_array_equal(batch.y[row, 0], stored.SOD.values)
        inputs = SceneInputs(reader, scene_id, assemble, CPU)
        assert inputs.shape == whole.shape[1:]
        wide = slice(0, inputs.shape[1])
        np.testing.assert_allclose(inputs.window(lines, wide), whole[:, lines], atol=2e-5)


@pytest.mark.parametrize("ratio", [1, 2, 5, 10])
def test_km2_fields_are_met_at_the_true_centre_of_each_pixel(ratio: int) -> None:
    """A field that is its own position must be read back as the position."""
    normalization = Normalization(channels=("t2m",), mean=(0.0,), std=(1.0,))
    assemble = Assembler(normalization, ratio=ratio, device=CPU)
    first = 60.0 + (ratio - 1) / 2  # centre of the window's first pixel, in raw pixels
    start = (first - 24.5) / 50
    cells = torch.arange(int(start), int(start) + 20) * 50 + 24.5
    for axis in (0, 1):
        field = cells[:, None].expand(20, 20) if axis == 0 else cells.expand(20, 20)
        batch = Batch(
            sar=torch.empty(1, 0, 30, 30),
            km2=field[None, None].contiguous(),
            offset=torch.full((1, 2), start - int(start)),
            month=torch.ones(1),
            y=torch.empty(1, 0),
            windows=(Window("a", 0, 0),),
        )
        expected = first + ratio * torch.arange(30)
        torch.testing.assert_close(assemble(batch)[0, 0].select(1 - axis, 7), expected, atol=1e-2, rtol=0)


def test_channels_may_stand_in_any_order(tiny_lake: Lake) -> None:
    order = ("month", "t2m", "nersc_sar_secondary", "tclw", "distance_map", "nersc_sar_primary")
    reader = SceneReader(tiny_lake, ratio=2, channels=order, targets=("SOD",), cache=None)
    assemble = Assembler(Normalization.from_lake(tiny_lake, order, 2), ratio=2, device=CPU)
    batch = batches_of(reader)[0]
    scene_id, line, sample = batch.windows[0]
    whole = whole_input(tiny_lake, scene_id, 2)[[INPUTS.index(name) for name in order]]
    np.testing.assert_allclose(assemble(batch)[0], whole[:, line : line + 48, sample : sample + 48], atol=2e-5)


def test_no_data_is_zero_after_assembly(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)
    batch = batches_of(reader)[0]
    batch.sar[0, 0, 3, 4], batch.sar[1, 1, 0, 0] = float("nan"), float("inf")
    batch.km2[2, 0] = float("nan")
    x = assembler_of(reader)(batch)
    assert torch.isfinite(x).all()
    assert x[0, 0, 3, 4] == x[1, 1, 0, 0] == 0.0
    assert (x[2, INPUTS.index(reader.km2_channels[0])] == 0).all()


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


def test_at_most_the_allowed_share_is_masked(tiny_lake: Lake) -> None:
    dataset = batches_of(reader_of(tiny_lake), max_masked=0.1)
    for index in range(3):
        unlabelled = (dataset[index].y == 255).all(dim=1)
        assert unlabelled.float().mean(dim=(1, 2)).max() <= 0.1


def test_pixels_near_a_polygon_border_are_unlabelled_when_asked(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)
    batch = batches_of(reader, border_distance=400.0, max_masked=0.9)[0]
    hidden = 0
    for row, (scene_id, line, sample) in enumerate(batch.windows):
        window = tiny_lake.scene(scene_id).open(2).isel(line=slice(line, line + 48), sample=slice(sample, sample + 48))
        near = ~(window.distance_to_border.values >= 400.0)
        expected = np.where(near, 255, window.SOD.values)
        np.testing.assert_array_equal(batch.y[row, 0], expected)
        hidden += int((near & (window.SOD.values != 255)).sum())
    assert hidden > 0, "the rule had something to hide"


def test_patches_with_too_much_land_are_not_drawn(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)

    def land(dataset: object) -> list[float]:
        return [
            float((tiny_lake.scene(w.scene_id).open(2).distance_map.values < 0.5)[
                w.line : w.line + 48, w.sample : w.sample + 48
            ].mean())
            for index in range(3)
            for w in dataset[index].windows  # type: ignore[index]
        ]  # fmt: skip

    assert max(land(batches_of(reader, max_masked=0.95))) > 0.2, "without the rule some touch land"
    assert max(land(batches_of(reader, max_masked=0.95, max_land=0.05))) <= 0.05


def test_a_scene_smaller_than_the_patch_is_padded_without_labels(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake, ratio=10)
    batch = batches_of(reader, patch_size=64, max_masked=0.9)[0]
    assert (batch.y[:, :, -1] == 255).all()
    assert torch.isnan(batch.sar[:, :, -1]).all()
    assert not torch.isnan(batch.sar[:, 2, 20]).all(), "the scene itself is there"


@pytest.mark.slow
def test_no_window_within_the_rule_is_an_error_not_a_loop(tiny_lake: Lake) -> None:
    with pytest.raises(SplitError, match=r"no window of 200 pixels with at most 0% unlabelled and 100% land"):
        batches_of(reader_of(tiny_lake, ratio=10), patch_size=200, max_masked=0.0)[0]
    far = r"100% land, 90000 m from any border was found .* smaller data.patch_size or data.border_distance, or"
    with pytest.raises(SplitError, match=far):
        batches_of(reader_of(tiny_lake, ratio=10), max_masked=0.9, border_distance=90_000.0)[0]


@pytest.mark.slow
def test_crops_of_a_pool_are_inside_every_larger_pool(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)

    def windows(pool: int) -> set[Window]:
        data = batches_of(reader, pool=pool, length=64)
        return {
            window for epoch in range(3) for b in range(len(data)) for window in data[epoch * len(data) + b].windows
        }

    assert len(windows(1)) == 1
    assert windows(4) < windows(16)
    assert (len(windows(4)), len(windows(16))) == (4, 16)


def test_no_scene_is_an_error(tiny_lake: Lake) -> None:
    with pytest.raises(SplitError, match="there is no training scene"):
        batches_of(reader_of(tiny_lake), scenes=[])


def test_bytes_are_those_of_the_tensors_and_few(tiny_lake: Lake) -> None:
    batch = batches_of(reader_of(tiny_lake))[0]
    assert batch.nbytes == sum(part.nbytes for part in batch[:5])
    assert batch.nbytes < 0.6 * 4 * (16 * 48 * 48 * 4), "coarse channels travel as coarse cells"
