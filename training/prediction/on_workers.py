"""Maps made by workers of Dask or Ray, a scene at a time each; a worker keeps the networks from scene to scene.

Only ids of scenes and what came of them pass through this process: workers read the lake, and write into the folder of
the maps, themselves. Copies of the checkpoints lie in that folder meanwhile, so a worker needs neither MLflow nor the
place of a study, and one that does not see the folder is found out before it writes somewhere else.
"""

import platform
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Final

import torch

from datasets.errors import IceBenchError
from datasets.lake import Lake
from datasets.process.machine import Device
from datasets.process.threads import threads
from datasets.workers.cluster import ClusterOptions
from datasets.workers.opening import open_workers
from training.loop.machine import best_device
from training.loop.precision import whole_float32
from training.prediction.map_folder import MapFolder
from training.prediction.networks import Networks
from training.prediction.predict_scene import MapMaker

Outcomes = Generator[tuple[str, BaseException | None], None, None]
"""Scenes, each with what `MapMaker.make` raised; None where its map is there."""


class FolderNotSharedError(IceBenchError, FileNotFoundError):
    """A worker does not see the folder that the maps go to."""


@dataclass(frozen=True, kw_only=True)
class MapOrder:
    """What a worker needs to make maps; small, since it goes with every scene.

    Attributes:
        checkpoints: Copies that all workers see, in a folder of this run alone.
        folder: An absolute path, the same on all machines.
        longest: Side of all scenes, in pixels of the map; workers cut scenes as one process with all of them would.
    """

    checkpoints: tuple[Path, ...]
    lake: Lake
    folder: MapFolder
    longest: int
    device: Device


def make_on_workers(
    checkpoints: Sequence[Path],
    lake: Lake,
    identity: Mapping[str, str],
    folder: MapFolder,
    *,
    longest: int,
    options: ClusterOptions,
) -> Outcomes:
    """Makes the maps of scenes, given what makes them by scene id, as workers are free.

    Yields:
        The scene, and what `MapMaker.make` raises; None where its map is there, `WorkerDiedError` where its workers
        died.

    Raises:
        ClusterError: The cluster cannot be used, or went away.
    """
    lake.digest  # noqa: B018 - goes along, else every worker reads the whole catalog for it
    place = replace(folder, path=folder.path.absolute())
    with place.beside(checkpoints) as copies, open_workers(options, tasks=len(identity)) as workers:
        order = MapOrder(checkpoints=copies, lake=lake, folder=place, longest=longest, device=options.device)
        for (scene_id, _), outcome in workers.run(partial(make_map, order=order), [*identity.items()]):
            yield scene_id, outcome


_KEPT: Final[dict[tuple[Path, ...], MapMaker]] = {}
"""Of the run that this process works for."""

_TURN: Final = Lock()
"""Dask gives a worker a scene for each of its threads: one scene has the memory and all threads, the others wait."""


def make_map(scene: tuple[str, str], order: MapOrder) -> None:
    """Makes the map of a scene in a worker; see `MapMaker.make`."""
    with _TURN, whole_float32():
        if order.checkpoints not in _KEPT:
            _KEPT.clear()
            _KEPT[order.checkpoints] = _load(order)
        _KEPT[order.checkpoints].make(*scene)


def _load(order: MapOrder) -> MapMaker:
    """Without the cache of decoded arrays: a worker reads a scene once, and Dask counts mapped files as its memory."""
    if not all(file.exists() for file in order.checkpoints):
        raise FolderNotSharedError(
            f"the worker on {platform.node()} does not see the folder {str(order.folder.path)!r}: give --out a folder "
            "that all workers have under the same name"
        )
    device = best_device(order.device)
    torch.set_num_threads(threads())
    networks = Networks.load(order.checkpoints, order.lake, device, cache=None)
    return MapMaker(networks=networks, tiling=networks.tiling(order.longest), folder=order.folder)
