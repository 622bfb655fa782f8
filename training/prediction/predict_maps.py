"""Maps of many scenes of a lake from one checkpoint or several, in every form that was asked for.

One scene after the other in this process, or side by side on workers (`training.prediction.on_workers`).
"""

import errno
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final

from datasets.catalog import Catalog
from datasets.digest import digest_of
from datasets.errors import SceneNotFoundError, SplitError
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.plural import plural
from datasets.process.machine import Device
from datasets.scene import SceneRecord
from datasets.workers.cluster import ClusterOptions, outcome_of, sentence_of
from training.loop.checkpoint import CheckpointError
from training.loop.machine import DeviceError, best_device
from training.loop.precision import whole_float32
from training.output_folder import OutputFolderError, make_folder
from training.prediction.map_folder import MapFolder
from training.prediction.networks import Networks
from training.prediction.on_workers import FolderNotSharedError, Outcomes, make_on_workers
from training.prediction.predict_scene import MapMaker
from training.spec import SpecError

ALL: Final = "all"
_OF_ALL: Final = (FolderNotSharedError, OutputFolderError, CheckpointError, SpecError, DeviceError)
"""Troubles with every scene: no other would fare better. So is a full disk."""
_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where the work stands: pixels `done` of `total` that are to be predicted, scenes finished of all."""

    done: int
    total: int
    scenes: int
    of: int
    finished: str = ""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What came of scenes, in their order: ids `written`, `kept` from before, and sentences about those that failed."""

    written: list[str]
    kept: list[str]
    failed: list[tuple[str, str]]


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
                + f": `python -m datasets show {shlex.quote(lake.url)}` lists its {plural(len(known), 'scene')}"
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
    on: Device | ClusterOptions = "auto",
    progress: Callable[[Progress], None] = lambda state: None,
) -> Summary:
    """Makes the maps of scenes that the folder lacks; scenes need no chart.

    Args:
        checkpoints: Of the networks that predict together.
        lake: Of the scenes.
        scenes: Which.
        folder: Where the maps go.
        cache: Decoded arrays of this machine; workers have none.
        on: A device on which this process makes one map after the other, or workers that make them side by side.
        progress: Told what is done, with workers after each scene.

    Raises:
        CheckpointError: See `Networks.load`.
        SpecError: Likewise.
        MapExistsError: The folder holds other maps of these scenes; nothing was changed.
        OutputFolderError: It cannot be made or written.
        DeviceError: A GPU is asked for, and there is none.
        ClusterError: The cluster cannot be used, or went away.
        FolderNotSharedError: A worker does not see the folder.
    """
    networks = Networks.load(checkpoints, lake, best_device(on if isinstance(on, str) else "cpu"), cache=cache)
    identity = {record.scene_id: made_by(networks, record) for record in scenes}
    to_do = [record for record in scenes if folder.missing(record.scene_id, identity[record.scene_id])]
    make_folder(folder.path)
    sizes = {record.scene_id: _pixels(record, networks.ratio) for record in to_do}
    kept = [scene_id for scene_id in identity if scene_id not in sizes]
    found: dict[str, BaseException | None] = {}
    done, finished, total = 0, 0, sum(sizes.values())

    def told(scene_id: str = "") -> None:
        progress(Progress(done=done, total=total, scenes=len(kept) + len(found), of=len(scenes), finished=scene_id))

    def advance(pixels: int) -> None:
        nonlocal done
        done += pixels
        told()

    told()
    if not to_do:
        return Summary(written=[], kept=kept, failed=[])
    wanted = {scene_id: identity[scene_id] for scene_id in sizes}
    longest = max(max(record.lines, record.samples) for record in to_do) // networks.ratio
    if isinstance(on, str):
        maker = MapMaker(networks=networks, tiling=networks.tiling(longest), folder=folder)
        outcomes = _one_by_one(maker, wanted, advance)
    else:
        options = replace(on, modules=networks.modules)
        outcomes = make_on_workers(checkpoints, lake, wanted, folder, longest=longest, options=options)
    with closing(outcomes):
        for scene_id, outcome in outcomes:
            if isinstance(outcome, _OF_ALL) or (isinstance(outcome, OSError) and outcome.errno in _DISK_FULL):
                raise outcome
            found[scene_id] = outcome
            finished += sizes[scene_id]
            done = finished
            told(scene_id)
    in_order = [(scene_id, found[scene_id]) for scene_id in sizes]
    return Summary(
        written=[scene_id for scene_id, error in in_order if error is None],
        kept=kept,
        failed=[(scene_id, sentence_of(error)) for scene_id, error in in_order if error is not None],
    )


def _one_by_one(maker: MapMaker, identity: Mapping[str, str], advance: Callable[[int], None]) -> Outcomes:
    for scene_id, own in identity.items():
        yield scene_id, outcome_of(partial(maker.make, made_by=own, advance=advance), scene_id)


def made_by(networks: Networks, record: SceneRecord) -> str:
    """Digest of all that decides the numbers of a map: the weights, and the scene as its lake holds it."""
    weights = [[member.digest, member.spec.trial_id] for member in networks.members]
    rules = 2 if len(weights) > 1 and networks.regressions else 1  # before, their values were not averaged
    return digest_of([rules, weights, record.scene_id, record.recipe, record.fingerprint])


def _pixels(record: SceneRecord, ratio: int) -> int:
    return (record.lines // ratio) * (record.samples // ratio)
