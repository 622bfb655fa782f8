"""Windows of a whole scene as a network sees them: what training does to patches, for windows of any size."""

import numpy as np
import torch

from datasets.loading.assemble import Assembler
from datasets.loading.batches import Batch, Window, read_sar
from datasets.loading.scene_reader import SceneReader


class SceneInputs:
    """One scene at the trial's ratio.

    Args:
        reader: Reads the scene.
        scene_id: Which.
        assemble: Makes the network's input.
        device: Where it is wanted.
    """

    def __init__(self, reader: SceneReader, scene_id: str, assemble: Assembler, device: torch.device) -> None:
        self._reader = reader
        self._scene_id = scene_id
        self._assemble = assemble
        self._device = device
        self.shape = reader.shape(scene_id)

    def window(self, lines: slice, samples: slice) -> torch.Tensor:
        """(C, h, w) float32 on the device, normalized; 0 where there is no data, beyond the scene too."""
        height, width = lines.stop - lines.start, samples.stop - samples.start
        reader, window = self._reader, Window(self._scene_id, lines.start, samples.start)
        sar = np.empty((1, len(reader.sar_channels), height, width), np.float32)
        read_sar(reader, window, sar[0])
        cells, offset = reader.km2(window.scene_id, window.line, window.sample, reader.km2_shape(height, width))
        batch = Batch(
            sar=torch.from_numpy(sar),
            km2=torch.from_numpy(cells[None]),
            offset=torch.tensor([offset], dtype=torch.float32),
            month=torch.tensor([float(reader.month(self._scene_id))]),
            y=torch.empty(1, 0, dtype=torch.uint8),
            windows=(window,),
        )
        return self._assemble(batch.to(self._device))[0]
