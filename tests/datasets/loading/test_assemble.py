"""What a batch becomes for a network: fields at the true place of each pixel, in any order, without NaN."""

import numpy as np
import pytest
import torch

from datasets.channels import INPUTS
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batch import Batch, Window
from datasets.loading.normalize import Normalization
from datasets.loading.scene_reader import SceneReader
from datasets.stores.packing import ZONES
from tests.reading import CPU, assembler_of, batches_of, reader_of, whole_input


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
        batch = _of_cells(field, start - int(start))
        expected = first + ratio * torch.arange(30)
        torch.testing.assert_close(assemble(batch)[0, 0].select(1 - axis, 7), expected, atol=1e-2, rtol=0)


@pytest.mark.parametrize("mean", [0.0, 250.0])
def test_a_missing_cell_takes_nothing_from_its_neighbours(mean: float) -> None:
    """Interpolation is over valid cells: around a hole in a flat field the field stays flat, whatever the mean is."""
    assemble = Assembler(Normalization(channels=("t2m",), mean=(mean,), std=(10.0,)), ratio=10, device=CPU)
    cells = torch.full((20, 20), 270.0)
    whole = assemble(_of_cells(cells, 0.3))
    cells[2:5, 2:5] = float("nan")
    found = assemble(_of_cells(cells, 0.3))[0, 0]
    at = 0.3 + torch.arange(30) / 5  # place of each pixel among the cells
    inside = (at > 2) & (at < 4)  # all four cells around the pixel are missing
    hole = inside[:, None] & inside
    assert (found[hole] == 0).all()
    torch.testing.assert_close(found[~hole], torch.full_like(found[~hole], (270.0 - mean) / 10.0))
    far = (at < 1) | (at > 5)
    assert torch.equal(found[far][:, far], whole[0, 0][far][:, far]), "bit for bit where no cell is missing"


def test_values_around_a_hole_are_weighed_by_what_is_there() -> None:
    assemble = Assembler(Normalization(channels=("t2m",), mean=(0.0,), std=(1.0,)), ratio=10, device=CPU)
    cells = torch.arange(400.0).reshape(20, 20)
    cells[3, 3] = float("nan")
    found = assemble(_of_cells(cells, 0.1))[0, 0, 13, 13]  # 2.7 along both axes: between cells 2 and 3
    weights = {(2, 2): 0.09, (2, 3): 0.21, (3, 2): 0.21}
    expected = sum(weight * float(cells[place]) for place, weight in weights.items()) / sum(weights.values())
    assert float(found) == pytest.approx(expected, rel=1e-5)


def _of_cells(cells: torch.Tensor, offset: float) -> Batch:
    """One patch of 30 x 30 of nothing but a 2 km field; its first pixel lies so far from the first cell."""
    return Batch(
        sar=torch.empty(1, 0, 30, 30),
        zones=torch.empty(1, 0, 30, 30),
        nodes=torch.empty(1, 0, 0, 0),
        lines=torch.empty(1, 30, 0),
        samples=torch.empty(1, 30, 0),
        km2=cells[None, None].contiguous(),
        offset=torch.full((1, 2), offset),
        month=torch.ones(1),
        y=torch.empty(1, 0),
        windows=(Window("a", 0, 0),),
    )


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
    batch.sar[0, 0, 3, 4] = int(batch.sar_fill)
    batch.zones[1, 0, 0, 0] = ZONES.fill
    batch.km2[2, 0] = float("nan")
    x = assembler_of(reader)(batch)
    assert torch.isfinite(x).all()
    assert x[0, 0, 3, 4] == x[1, INPUTS.index("distance_map"), 0, 0] == 0.0
    assert x[0, 0, 3, 5] != 0.0
    assert (x[2, INPUTS.index(reader.km2_channels[0])] == 0).all()
