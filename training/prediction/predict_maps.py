"""Maps of many scenes of a lake from one checkpoint or several, scene after scene, in every form that was asked for."""

import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from datasets.catalog import Catalog
from datasets.digest import digest_of
from datasets.errors import DamagedSceneError, SceneNotFoundError, SplitError, TiePointsError
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.scene import SceneRecord
from training.loop.device_memory import memory_of, to_score
from training.loop.machine import best_device
from training.loop.precision import whole_float32
from training.output_folder import make_folder
from training.prediction.formats import FORMATS
from training.prediction.map_folder import MapFolder
from training.prediction.networks import Networks
from training.prediction.predict_scene import mask_reader, predict_scene_map
from training.prediction.scene_map import open_map

ALL: Final = "all"
_VERSION: Final = 1
"""Of what is computed; a map of another is another map."""
_OF_A_SCENE: Final = (TiePointsError, DamagedSceneError, SceneNotFoundError)
"""Troubles of one scene, which the others need not wait for."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where the work stands: pixels `done` of `total` that are to be predicted, scenes finished of all."""

    done: int
    total: int
    scenes: int
    of: int
    finished: str = ""


@dataclass(kw_only=True)
class Summary:
    """What came of it: scene ids `written` and `kept`, and sentences about those that failed."""

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def choose_scenes(lake: Lake, scene_ids: Sequence[str], split: str) -> Catalog:
    """Scenes by id, or of a split (`all`: every one); raises SceneNotFoundError or SplitError."""
    catalog = lake.catalog()
    known = {record.scene_id: record for record in catalog}
    for name in scene_ids:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise SceneNotFoundError(
                f"the lake {lake.url!r} has no scene {name!r}"
                + (f" (did you mean {near[0]!r}?)" if near else "")
                + f": `python -m datasets show {shlex.quote(lake.url)}` lists its {len(known)} scenes"
            )
    if scene_ids:
        return Catalog.of(known[name] for name in dict.fromkeys(scene_ids))
    found = Catalog(tuple(record for record in catalog if split in (ALL, record.split)))
    if not found:
        raise SplitError(f"the lake {lake.url!r} has no scene of the split {split}: give another --split, or --scenes")
    return found


def share_of(scenes: Catalog, part: str) -> Catalog:
    """Every Nth scene from the Kth on, for `K/N`; raises SplitError."""
    first, _, step = part.partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise SplitError(f"--part {part!r} is not allowed: give K/N with 1 <= K <= N, such as 2/8 for the second of 8")
    return Catalog(scenes.records[int(first) - 1 :: int(step)])


@whole_float32()
def predict_maps(
    checkpoints: Sequence[Path],
    lake: Lake,
    scenes: Catalog,
    folder: MapFolder,
    *,
    cache: NodeCache | None = None,
    progress: Callable[[Progress], None] = lambda state: None,
) -> Summary:
    """Makes the maps of scenes that the folder lacks; scenes need no chart.

    Raises:
        CheckpointError: See `Networks.load`.
        SpecError: Likewise.
        MapExistsError: The folder holds other maps of these scenes; nothing was changed.
        OutputFolderError: It cannot be made or written.
        DeviceMemoryError: The GPU has no memory for it.
    """
    device = best_device()
    networks = Networks.load(checkpoints, lake, device, cache=cache)
    identity = {record.scene_id: made_by(networks, record) for record in scenes}
    missing = {scene_id: folder.missing(scene_id, own) for scene_id, own in identity.items()}
    make_folder(folder.path)
    summary = Summary(kept=[scene_id for scene_id, formats in missing.items() if not formats])
    to_do = [record for record in scenes if missing[record.scene_id]]
    sizes = {record.scene_id: _pixels(record, networks.ratio) for record in to_do}
    done, total, before = 0, sum(sizes.values()), len(summary.kept)

    def told(finished: str = "") -> None:
        scenes_done = before + len(summary.written) + len(summary.failed)
        progress(Progress(done=done, total=total, scenes=scenes_done, of=len(scenes), finished=finished))

    def advance(pixels: int) -> None:
        nonlocal done
        done += pixels
        told()

    told()
    if not to_do:
        return summary
    longest = max(max(record.lines, record.samples) for record in to_do) // networks.ratio
    tiling, reader = networks.tiling(longest), mask_reader(networks)
    with memory_of(device, "map a scene", to_score(networks.members[0].spec)):
        for record in to_do:
            scene_id, begun = record.scene_id, done
            work = folder.work(scene_id)
            try:
                store = folder.store(scene_id, identity[scene_id])
                if store is None:
                    store = work / f"{scene_id}.zarr"
                    predict_scene_map(networks, reader, scene_id, tiling, store, advance=advance)
                with open_map(store) as data:
                    made = {name: FORMATS[name].write(data, work, folder.options) for name in missing[scene_id]}
                folder.publish(scene_id, identity[scene_id], made)
                summary.written.append(scene_id)
            except _OF_A_SCENE as error:
                summary.failed.append((scene_id, str(error)))
            finally:
                shutil.rmtree(work, ignore_errors=True)
            done = begun + sizes[scene_id]
            told(scene_id)
    return summary


def made_by(networks: Networks, record: SceneRecord) -> str:
    """Digest of all that decides the numbers of a map: the weights, and the scene as its lake holds it."""
    weights = [[member.digest, member.spec.trial_id] for member in networks.members]
    return digest_of([_VERSION, weights, record.scene_id, record.recipe, record.fingerprint])


def _pixels(record: SceneRecord, ratio: int) -> int:
    return (record.lines // ratio) * (record.samples // ratio)
