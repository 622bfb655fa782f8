"""Windows of a whole scene as a network sees them: what training does to patches, for windows of any size."""

from collections.abc import Sequence

import numpy as np
import torch

from datasets.loading.assemble import Assembler
from datasets.loading.batch import Window, read_batch
from datasets.loading.gather import Gathered
from datasets.loading.places import Places
from datasets.loading.resident import ResidentScenes
from datasets.loading.scene_reader import SceneReader


def read_inputs(
    reader: SceneReader,
    windows: Sequence[Window],
    shape: tuple[int, int],
    assemble: Assembler,
    device: torch.device,
    resident: ResidentScenes | None = None,
) -> torch.Tensor:
    """Inputs (B, C, h, w) float32 of windows of one shape, on the device, which may hold their scenes."""
    no_label = np.empty((len(windows), 0), np.uint8)
    if resident is not None and all(window.scene_id in resident.place_of for window in windows):
        gathered = Gathered(resident, Places.of(resident, windows, shape))
        return assemble(gathered.batch(slice(None), torch.from_numpy(no_label)))
    return assemble(read_batch(reader, windows, shape, no_label).to(device))


class SceneInputs:
    """One scene at the trial's ratio.

    Args:
        reader: Reads the scene.
        scene_id: Which.
        assemble: Makes the network's input.
        device: Where it is wanted.
        resident: Scenes that this device holds; what is not among them is read.
    """

    def __init__(
        self,
        reader: SceneReader,
        scene_id: str,
        assemble: Assembler,
        device: torch.device,
        resident: ResidentScenes | None = None,
    ) -> None:
        self._reader = reader
        self._scene_id = scene_id
        self._assemble = assemble
        self._device = device
        self._resident = resident if resident is not None and scene_id in resident.place_of else None
        self.shape = reader.shape(scene_id)

    def window(self, lines: slice, samples: slice) -> torch.Tensor:
        """(C, h, w) float32 on the device, normalized; 0 where there is no data, beyond the scene too."""
        shape = (lines.stop - lines.start, samples.stop - samples.start)
        windows = [Window(self._scene_id, lines.start, samples.start)]
        return read_inputs(self._reader, windows, shape, self._assemble, self._device, self._resident)[0]

    def labels(self, lines: slice, samples: slice) -> torch.Tensor:
        """(targets, h, w) uint8 on the device, 255 = no label."""
        if self._resident is not None:
            return self._resident.scene(self._resident.labels, self._resident.place_of[self._scene_id])[
                :, lines, samples
            ]
        return torch.from_numpy(self._reader.labels(self._scene_id, lines, samples)).to(self._device)
