"""From the lake to tensors: random crops for training, whole scenes for scoring.

SAR channels and the chart come from the grid of the ratio; AMSR2 and ERA5 come from the 2 km grid, interpolated at the
true centre of every pixel (sub-cell offset included), the same way for crops and whole scenes; the month is one number
a scene.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from datasets.channels import CHANNELS
from datasets.errors import SplitError
from datasets.grids import centres, interpolate, km2_index
from datasets.labels import IGNORE
from datasets.lake import Lake
from datasets.normalize import Normalization
from datasets.patches import draw_window, masked_share, pad_to
from datasets.scene import Scene

_CACHE_BYTES: Final = 2 << 30
_TRIES: Final = 1000


@dataclass(frozen=True, kw_only=True)
class SceneTensors:
    """One whole scene, ready for a network.

    Attributes:
        scene_id: Which.
        x: (channels, lines, samples) float32, normalized, 0 where there is no data.
        y: (lines, samples) uint8 class numbers, 255 = no label.
    """

    scene_id: str
    x: torch.Tensor
    y: NDArray[np.uint8]


class SceneReader:
    """Reads windows of the scenes of one lake; small scenes are decoded once and kept, bounded in bytes."""

    def __init__(self, lake: Lake, *, ratio: int, target: str, normalization: Normalization) -> None:
        self.lake = lake
        self.ratio = ratio
        self.target = target
        self.normalization = normalization
        self._scenes: dict[str, Scene] = {}
        self._cache: OrderedDict[tuple[str, str], NDArray[np.generic]] = OrderedDict()
        self._cached_bytes = 0

    def shape(self, scene_id: str) -> tuple[int, int]:
        """Lines and samples at the ratio."""
        return self._scene(scene_id).shape(self.ratio)

    def labels(self, scene_id: str, lines: slice, samples: slice) -> NDArray[np.uint8]:
        """Window of the target chart, uint8, 255 = no label."""
        return self._window(scene_id, self.target, lines, samples).astype(np.uint8)

    def inputs(self, scene_id: str, lines: slice, samples: slice) -> NDArray[np.float32]:
        """Window of all channels, (channels, lines, samples) float32, normalized, no NaN."""
        names = self.normalization.channels
        result = np.empty((len(names), lines.stop - lines.start, samples.stop - samples.start), np.float32)
        for place, name in enumerate(names):
            match CHANNELS[name].grid:
                case "sar":
                    values = self._window(scene_id, name, lines, samples)
                    result[place] = self.normalization.apply(name, values.astype(np.float32))
                case "km2":
                    coarse = self.normalization.apply(name, self._km2(scene_id, name))
                    result[place] = sample_km2(coarse, lines, samples, self.ratio)
                case "scene":
                    month = np.array(self._scene(scene_id).record.acquired.month, np.float32)
                    result[place] = self.normalization.apply(name, month)
        return result

    def _scene(self, scene_id: str) -> Scene:
        if scene_id not in self._scenes:
            self._scenes[scene_id] = self.lake.scene(scene_id)
        return self._scenes[scene_id]

    def _km2(self, scene_id: str, name: str) -> NDArray[np.float32]:
        key = (scene_id, name)
        if key not in self._cache:
            self._keep(key, self._scene(scene_id).km2(name))
        self._cache.move_to_end(key)
        return self._cache[key].astype(np.float32)

    def _window(self, scene_id: str, name: str, lines: slice, samples: slice) -> NDArray[np.generic]:
        key = (scene_id, name)
        scene = self._scene(scene_id)
        height, width = scene.shape(self.ratio)
        # 4 bytes a pixel at most; a variable that would fill a good part of the cache is read window by window.
        if key not in self._cache and height * width * 4 > _CACHE_BYTES // 64:
            return scene.window(self.ratio, name, lines, samples)
        if key not in self._cache:
            self._keep(key, scene.window(self.ratio, name, slice(None), slice(None)))
        self._cache.move_to_end(key)
        return self._cache[key][lines, samples]

    def _keep(self, key: tuple[str, str], values: NDArray[np.generic]) -> None:
        self._cache[key] = values
        self._cached_bytes += values.nbytes
        while self._cached_bytes > _CACHE_BYTES:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= dropped.nbytes


def sample_km2(coarse: NDArray[np.float32], lines: slice, samples: slice, ratio: int) -> NDArray[np.float32]:
    """Interpolates a 2 km field (line_2km, sample_2km) bilinearly at the pixel centres of a window of the SAR grid."""
    line_index = km2_index(centres(lines.start, lines.stop, ratio))
    sample_index = km2_index(centres(samples.start, samples.stop, ratio))
    return interpolate(interpolate(coarse, line_index, 0), sample_index, 1).astype(np.float32, copy=False)


class CropDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Random crops: a random scene, a random window, drawn again while too much of it is unlabelled.

    Item k of epoch e depends on (seed, e, k) alone, so neither workers nor restarts change what a trial sees.

    Args:
        lake: Where the scenes are.
        scene_ids: Scenes to draw from.
        ratio: Downscale ratio.
        channels: Inputs in order; those of `normalization`.
        target: Chart of the labels.
        patch_size: Side of a crop in pixels of the ratio.
        max_masked: Largest share of unlabelled pixels; a scene smaller than the crop is padded with unlabelled pixels.
        length: Crops in an epoch.
        seed: Of all draws.
        normalization: Channel statistics.

    Raises:
        SplitError: No scene was given, or none has a label in the target chart.
    """

    def __init__(
        self,
        lake: Lake,
        scene_ids: Sequence[str],
        *,
        ratio: int,
        channels: Sequence[str],
        target: str,
        patch_size: int,
        max_masked: float,
        length: int,
        seed: int,
        normalization: Normalization,
    ) -> None:
        if tuple(channels) != normalization.channels:
            raise ValueError(f"normalization is of {normalization.channels}, the crops are of {tuple(channels)}")
        catalog = lake.catalog()
        self.scene_ids = [name for name in sorted(scene_ids) if catalog[name].labelled(target) > 0]
        if not self.scene_ids:
            raise SplitError(
                f"none of {len(scene_ids)} training scenes has a label in {target}: choose other scenes or another "
                "target"
            )
        self.patch_size = patch_size
        self.max_masked = max_masked
        self.length = length
        self.seed = seed
        self._reader_arguments = (lake, ratio, target, normalization)
        self._reader: SceneReader | None = None

    def __len__(self) -> int:
        return self.length

    def __getstate__(self) -> dict[str, object]:
        """Workers open their own stores."""
        return {**self.__dict__, "_reader": None}

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns x (channels, P, P) float32 and y (P, P) int64, 255 = no label.

        Args:
            index: epoch * length + place in the epoch.
        """
        epoch, place = divmod(index, self.length)
        rng = np.random.default_rng((self.seed, epoch, place))
        reader = self._open_reader()
        for _ in range(_TRIES):
            scene_id = self.scene_ids[rng.integers(len(self.scene_ids))]
            lines, samples = draw_window(rng, reader.shape(scene_id), self.patch_size)
            labels = reader.labels(scene_id, lines, samples)
            padded = pad_to(labels, self.patch_size, IGNORE)
            if masked_share(padded.astype(np.uint8, copy=False)) <= self.max_masked:
                inputs = pad_to(reader.inputs(scene_id, lines, samples), self.patch_size, 0.0)
                return torch.from_numpy(inputs), torch.from_numpy(padded.astype(np.int64))
        raise SplitError(
            f"no window of {self.patch_size} pixels with at most {self.max_masked:.0%} unlabelled was found in "
            f"{_TRIES} "
            f"draws from {len(self.scene_ids)} scenes: use a smaller patch_size or a larger max_masked"
        )

    def _open_reader(self) -> SceneReader:
        if self._reader is None:
            lake, ratio, target, normalization = self._reader_arguments
            self._reader = SceneReader(lake, ratio=ratio, target=target, normalization=normalization)
        return self._reader


class _Epoch(Sampler[int]):
    """The indices of one epoch, in order: the crops themselves are random."""

    def __init__(self, epoch: int, length: int) -> None:
        self.epoch = epoch
        self.length = length

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.epoch * self.length, (self.epoch + 1) * self.length))

    def __len__(self) -> int:
        return self.length


def crop_loader(
    dataset: CropDataset, *, batch_size: int, epoch: int, workers: int = 0
) -> DataLoader[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of one epoch: x (B, channels, P, P) float32, y (B, P, P) int64.

    Workers are spawned: forked ones hang on or inherit broken handles of Zarr stores in object storage.
    """
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=_Epoch(epoch, len(dataset)),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def load_scene(
    lake: Lake,
    scene_id: str,
    *,
    ratio: int,
    channels: Sequence[str],
    target: str,
    normalization: Normalization,
) -> SceneTensors:
    """Reads a whole scene."""
    if tuple(channels) != normalization.channels:
        raise ValueError(f"normalization is of {normalization.channels}, the scene is read with {tuple(channels)}")
    reader = SceneReader(lake, ratio=ratio, target=target, normalization=normalization)
    lines, samples = (slice(0, length) for length in reader.shape(scene_id))
    return SceneTensors(
        scene_id=scene_id,
        x=torch.from_numpy(reader.inputs(scene_id, lines, samples)),
        y=reader.labels(scene_id, lines, samples),
    )


def load_chart(lake: Lake, scene_id: str, *, ratio: int, target: str) -> NDArray[np.uint8]:
    """Reads a whole chart, (lines, samples) uint8, 255 = no label."""
    return lake.scene(scene_id).window(ratio, target, slice(None), slice(None)).astype(np.uint8)
