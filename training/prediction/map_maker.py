"""One map after another in one process: what is loaded once, and what is done for each scene."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from training.evaluation.tiles import Tiling
from training.loop.device_memory import memory_of, to_score
from training.prediction.formats import FORMATS
from training.prediction.map_folder import MapFolder
from training.prediction.networks import Networks
from training.prediction.predict_scene import mask_reader, predict_scene_map
from training.prediction.scene_map import open_map


@dataclass(frozen=True, kw_only=True)
class MapMaker:
    """Networks on their device, how scenes are cut for them, and where maps go."""

    networks: Networks
    tiling: Tiling
    folder: MapFolder

    @classmethod
    def of(cls, networks: Networks, folder: MapFolder, longest: int) -> Self:
        """Measures the networks once; `longest` is the longest side, in pixels of the map, of all scenes to come."""
        return cls(networks=networks, tiling=networks.tiling(longest), folder=folder)

    def make(self, scene_id: str, made_by: str, *, advance: Callable[[int], None] = lambda pixels: None) -> bool:
        """Makes the forms of a scene's map that its folder lacks; False where it lacks none.

        `advance` is told how many pixels each tile had.

        Raises:
            TiePointsError: The scene's tie points place it nowhere.
            MapExistsError: Something else has made a map of the scene meanwhile.
            MapInWorkError: Another process is at it.
            DeviceMemoryError: The GPU has no memory for it.
        """
        networks, folder = self.networks.without_memory(), self.folder
        first = networks.members[0]
        with folder.alone(scene_id), memory_of(first.inputs.device, "map a scene", to_score(first.spec)):
            missing = folder.missing(scene_id, made_by)
            if not missing:
                return False
            work = folder.work(scene_id)
            try:
                store = folder.store(scene_id, made_by)
                if store is None:
                    store = work / f"{scene_id}.zarr"
                    predict_scene_map(networks, mask_reader(networks), scene_id, self.tiling, store, advance=advance)
                with open_map(store) as data:
                    made = {name: FORMATS[name].write(data, work, folder.options) for name in missing}
                folder.publish(scene_id, made_by, made)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return True
