"""Windows of a whole scene as a network sees them: what training does to patches, for windows of any size."""

import numpy as np
import torch

from datasets.loading.assemble import Assembler
from datasets.loading.batch import Window, read_batch
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
        shape = (lines.stop - lines.start, samples.stop - samples.start)
        window = Window(self._scene_id, lines.start, samples.start)
        batch = read_batch(self._reader, [window], shape, np.empty((1, 0), np.uint8))
        return self._assemble(batch.to(self._device))[0]
