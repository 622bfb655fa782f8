"""`export`: writes the patches of a lake into a folder, scene by scene; a second run continues the first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

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
from datasets.storage import replace

Progress = Callable[[str, int], AbstractContextManager[Callable[[str], None]]]
"""Shows how far something is: title and number of items; called with the name of each that is finished."""

FINISHED: Final = ".finished"
"""Folder with an empty file for every scene whose patches are all there."""

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


def export(lake: Lake, folder: Path, settings: ExportSettings, progress: Progress) -> Exported:
    """Writes an export, or what an earlier run left to do.

    Raises:
        ExportError: The folder holds something else, or another process writes there.
        MissingPackageError: The format needs a package.
        SplitError: No patch meets the settings.
        LakeNotFoundError: The lake lacks the ratio, a channel or training scenes.
    """
    settings.check(lake)
    check_format(settings)
    normalization = Normalization.from_lake(lake, settings.channels, settings.ratio)
    with _alone(folder):
        settings.claim(folder)
        catalog = _scenes(lake, settings)
        reader = SceneReader(
            lake, ratio=settings.ratio, channels=settings.channels, targets=(settings.target,), cache=None
        )
        patches = _patches(reader, catalog, settings, progress)
        for part in folder.rglob(".*.part"):  # of a run that was killed
            part.unlink()
        files = patch_files(folder, settings, patches)
        kept = _write(folder, reader, files, settings, normalization, patches, progress)
        every = [patch for found in patches.values() for patch in found]
        names = {patch: files.names(split, patch) for split, found in patches.items() for patch in found}
        centres = {patch: _centre(reader, patch, settings) for patch in every}
        write_tables(folder, patch_rows(settings, catalog, patches, names, centres))
        write_constants(folder, settings, normalization, patches)
    small = [record.scene_id for record in catalog if min(reader.shape(record.scene_id)) < settings.patch]
    return Exported(patches=patches, kept=kept, too_small=tuple(small))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise ExportError(f"another process writes an export into {str(folder)!r}: wait for it, or end it") from error


def _scenes(lake: Lake, settings: ExportSettings) -> Catalog:
    catalog = lake.catalog()
    rows = [row for row in catalog if row.split in settings.splits and row.labelled(settings.target)]
    if not rows:
        raise SplitError(
            f"the lake {lake.url!r} has no scene with labels of {settings.target} in {', '.join(settings.splits)}: "
            "choose other splits"
        )
    return Catalog.of(rows)


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
            f"{settings.target} in {len(catalog)} scenes: give a smaller --patch or a larger --max-masked"
        )
    return found


def _write(
    folder: Path,
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
    kept = 0
    with progress("writing scenes", len(scenes)) as done, ThreadPoolExecutor(_THREADS) as threads:
        for split, scene_id, members in scenes:
            marker = folder / FINISHED / scene_id
            if marker.exists():
                kept += 1
            else:

                def put(member: tuple[int, Patch], split: str = split) -> None:
                    place, patch = member
                    image, mask = _read(reader, patch, settings, fill)
                    ties = _ties(reader, patch, settings)
                    files.put(split, place, PatchContent(patch=patch, image=image, mask=mask, ties=ties))

                for _ in threads.map(put, members):
                    pass
                replace(str(marker), b"")
            done(scene_id)
    return kept


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


def _centre(reader: SceneReader, patch: Patch, settings: ExportSettings) -> tuple[float, float]:
    half = settings.patch / 2
    longitude, latitude = positions(reader, patch.scene_id, [patch.line + half], [patch.sample + half])[0, 0]
    return float(longitude), float(latitude)
