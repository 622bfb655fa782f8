"""Training and evaluation see the same inputs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.lake import Lake
from datasets.loading.scene_inputs import SceneInputs
from tests.reading import CPU, assembler_of, batches_of, cache_in, reader_of, whole_input


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
