"""`export`: writes the patches of a lake to a folder or a bucket, scene by scene; a second run continues the first."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.access import absolute, is_url
from datasets.catalog import Catalog
from datasets.errors import ExportError, SplitError
from datasets.export.files import PatchContent, PatchFiles, check_format, patch_files
from datasets.export.inputs import positions, read_channels
from datasets.export.patch_list import Patch, drawn, patches_of
from datasets.export.settings import ExportSettings
from datasets.export.tables import patch_rows, write_constants, write_tables
from datasets.lake import Lake
from datasets.loading.normalize import Normalization
from datasets.loading.scene_reader import SceneReader
from datasets.lock import hold
from datasets.lock_holder import Holder
from datasets.plural import plural
from datasets.prefixes import names
from datasets.storage import replace

Progress = Callable[[str, int], AbstractContextManager[Callable[[str], None]]]
"""Shows how far something is: title and number of items; called with the name of each that is finished."""

FINISHED: Final = ".finished"
"""Folder with an empty file for every scene whose patches are all there."""
LOCK: Final = ".lock.json"

_THREADS: Final = 4
"""Patches in memory at a time: what is decoded and compressed does not hold Python's lock."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export came to.

    Attributes:
        patches: By split, in order.
        kept: Scenes that an earlier run had finished.
        too_small: Scenes that are smaller than a patch.
    """

    patches: Mapping[str, Sequence[Patch]]
    kept: int
    too_small: tuple[str, ...]


def export(lake: Lake, place: str, settings: ExportSettings, progress: Progress) -> Exported:
    """Writes an export, or what an earlier run left to do, to a folder or a URL.

    Raises:
        ExportError: There is something else, or another process writes there.
        LakeAccessError: The place cannot be reached, or refuses.
        MissingPackageError: The format needs a package.
        SplitError: No patch meets the settings.
        LakeNotFoundError: The lake lacks the ratio, a channel or training scenes.
    """
    settings.check(lake)
    check_format(settings)
    normalization = Normalization.from_lake(lake, settings.channels, settings.ratio)
    place, catalog = absolute(place), _scenes(lake, settings)
    reader = SceneReader(lake, ratio=settings.ratio, channels=settings.channels, targets=(settings.target,), cache=None)
    small = _too_small(reader, catalog, settings)
    with hold(f"{place}/{LOCK}", Holder.has_died_here, partial(_refusal, place)):
        begun = settings.begun_in(place)
        patches = _patches(reader, catalog, settings, progress)
        if not begun:
            settings.begin_in(place)
        _remove_halves(place)
        files = patch_files(place, settings, patches)
        kept = _write(place, reader, files, settings, normalization, patches, progress)
        write_tables(place, patch_rows(settings, catalog, patches, files.names, partial(_centre, reader, settings)))
        write_constants(place, settings, normalization, patches)
    return Exported(patches=patches, kept=kept, too_small=small)


def _refusal(place: str, holder: Holder | None) -> ExportError:
    who = "another process" if holder is None or not holder.host else f"{holder.process} (since {holder.started})"
    return ExportError(
        f"{who} writes an export to {place!r}: wait for it, or, if you know that it is gone, remove {place}/{LOCK}"
    )


def _remove_halves(place: str) -> None:
    """Removes files that a killed run left half written; in a bucket there are none."""
    if not is_url(place):
        for pattern in (".*.part", "*.partial"):  # ours, and those of Zarr
            for half in Path(place).rglob(pattern):
                half.unlink()


def _scenes(lake: Lake, settings: ExportSettings) -> Catalog:
    catalog = lake.catalog()
    rows = [row for row in catalog if row.split in settings.splits and row.labelled(settings.target)]
    if not rows:
        raise SplitError(
            f"the lake {lake.url!r} has no scene with labels of {settings.target} in {', '.join(settings.splits)}: "
            "choose other splits"
        )
    return Catalog.of(rows)


def _too_small(reader: SceneReader, catalog: Catalog, settings: ExportSettings) -> tuple[str, ...]:
    """Scenes that are smaller than a patch; raises SplitError where all are."""
    shapes = {record.scene_id: reader.shape(record.scene_id) for record in catalog}
    lines, samples = max(shapes.values(), key=min)
    if min(lines, samples) < settings.patch:
        raise SplitError(
            f"no scene is as large as a patch of {settings.patch} x {settings.patch} pixels, the largest has "
            f"{lines} x {samples} at ratio {settings.ratio}: give a smaller --patch or a smaller --ratio"
        )
    return tuple(scene_id for scene_id, shape in shapes.items() if min(shape) < settings.patch)


def _patches(
    reader: SceneReader, catalog: Catalog, settings: ExportSettings, progress: Progress
) -> dict[str, list[Patch]]:
    """Looks at the labels of all scenes; by split, in order of scene, line and sample."""
    patches: dict[str, list[Patch]] = {split: [] for split in settings.splits}
    with progress("looking at labels", len(catalog)) as done:
        for record in catalog:
            shape = reader.shape(record.scene_id)
            labels = reader.labels(record.scene_id, slice(0, shape[0]), slice(0, shape[1]))[0]
            patches[str(record.split)] += patches_of(record.scene_id, labels, settings)
            done(record.scene_id)
    found = {split: drawn(every, settings) for split, every in patches.items() if every}
    if not found:
        raise SplitError(
            f"no window of {settings.patch} pixels has at most {settings.max_masked:.0%} without a label of "
            f"{settings.target} in {plural(len(catalog), 'scene')}: give a smaller --patch or a larger --max-masked"
        )
    return found


def _write(
    place: str,
    reader: SceneReader,
    files: PatchFiles,
    settings: ExportSettings,
    normalization: Normalization,
    patches: Mapping[str, Sequence[Patch]],
    progress: Progress,
) -> int:
    """Writes the patches of all scenes that are not finished; returns how many were."""
    fill = np.array(normalization.mean if settings.no_data == "mean" else [np.nan] * len(settings.channels), np.float32)
    scenes = [
        (split, scene_id, [*members])
        for split, found in patches.items()
        for scene_id, members in groupby(enumerate(found), key=lambda member: member[1].scene_id)
    ]
    finished = {*names(f"{place}/{FINISHED}")}
    with progress("writing scenes", len(scenes)) as done, ThreadPoolExecutor(_THREADS) as threads:
        for split, scene_id, members in scenes:
            if scene_id not in finished:

                def put(member: tuple[int, Patch], split: str = split) -> None:
                    number, patch = member
                    image, mask = _read(reader, patch, settings, fill)
                    ties = _ties(reader, patch, settings)
                    files.put(split, number, PatchContent(patch=patch, image=image, mask=mask, ties=ties))

                for _ in threads.map(put, members):
                    pass
                replace(f"{place}/{FINISHED}/{scene_id}", b"")
            done(scene_id)
    return len(finished)


def _read(
    reader: SceneReader, patch: Patch, settings: ExportSettings, fill: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    side = settings.patch
    image = read_channels(reader, patch.scene_id, patch.line, patch.sample, side, settings.channels)
    image = np.where(np.isnan(image), fill[:, None, None], image)
    lines, samples = slice(patch.line, patch.line + side), slice(patch.sample, patch.sample + side)
    return image, reader.labels(patch.scene_id, lines, samples)[0]


def _ties(reader: SceneReader, patch: Patch, settings: ExportSettings) -> NDArray[np.float64]:
    """Nine control points: corners, middles of the sides, centre; (9, 4) across, down, longitude, latitude."""
    steps = [0.0, settings.patch / 2, float(settings.patch)]
    lines, samples = ([start + step for step in steps] for start in (patch.line, patch.sample))
    places = positions(reader, patch.scene_id, lines, samples).reshape(-1, 2)
    down, across = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    return np.column_stack([across, down, places])


def _centre(reader: SceneReader, settings: ExportSettings, patch: Patch) -> tuple[float, float]:
    half = settings.patch / 2
    longitude, latitude = positions(reader, patch.scene_id, [patch.line + half], [patch.sample + half])[0, 0]
    return float(longitude), float(latitude)
