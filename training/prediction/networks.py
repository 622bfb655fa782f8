"""The networks that make a map together, each with its own way to see the lake; one is an ensemble of one."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import torch
from torch import nn

from datasets.channels import LAND
from datasets.labels import Chart
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from training.data.trial_data import NetworkInputs
from training.data.trial_scenes import check_lake
from training.evaluation.predict import SceneWindows, outputs_of
from training.evaluation.score_scenes import tiling_for
from training.evaluation.sliding import Sliding, nearest_window, window_outputs
from training.evaluation.tiles import Tile, Tiling
from training.loop.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from training.models.heads import Head, heads_of
from training.prediction.layers import Answer
from training.spec import TrialSpec

HH: Final = "nersc_sar_primary"
"""Channel that tells where there is SAR."""
_SIDE: Final = 1024
"""Of the blocks in which a map is written where no network has tiles."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One network on its device, the checkpoint that it is of, the digest of its file, and what reads scenes for it."""

    checkpoint: Checkpoint
    digest: str
    model: nn.Module
    inputs: NetworkInputs

    @property
    def spec(self) -> TrialSpec:
        """Of its trial, bound to the lake that it was trained on."""
        return self.checkpoint.spec

    def without_memory(self) -> Self:
        """The same network, whose reader has met no scene."""
        return replace(self, inputs=replace(self.inputs, reader=copy(self.inputs.reader)))

    def head(self, chart: str) -> Head:
        """The head of a chart."""
        return next(head for head in heads_of(self.spec) if head.chart.name == chart)


TilePredictor = Callable[[Tile, torch.Tensor | None], dict[str, Answer]]
"""Answers of one network about a tile, by chart, from the inputs (C, h, w) around it; a patch-based one needs none."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """Networks that predict the same charts on the same grid."""

    members: tuple[Member, ...]

    @classmethod
    def load(cls, files: Sequence[Path], lake: Lake, device: torch.device, *, cache: NodeCache | None) -> Self:
        """Loads checkpoints for the scenes of a lake, which need not be the one that they were trained on.

        Raises:
            CheckpointError: A file is no checkpoint, two are the same, or they predict other charts or on other grids.
            SpecError: The lake lacks a channel or the ratio; the class of a network cannot be imported.
        """
        loaded = [load_checkpoint(file) for file in files]
        digests = [hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in files]
        for place, (file, checkpoint) in enumerate(zip(files, loaded, strict=True)):
            _refuse_other(files[0], loaded[0].spec, file, checkpoint.spec)
            if digests[place] in digests[:place]:
                raise CheckpointError(
                    f"the checkpoint {str(file)!r} is given twice: an ensemble is of different networks, such as those "
                    "of several seeds"
                )
        for checkpoint in loaded:
            check_lake(checkpoint.spec, lake, (HH, LAND))
        return cls(
            members=tuple(
                Member(
                    checkpoint=checkpoint,
                    digest=digest,
                    model=checkpoint.model().to(device).eval(),
                    inputs=NetworkInputs.of(checkpoint.spec.data, lake, checkpoint.normalization, device, cache),
                )
                for checkpoint, digest in zip(loaded, digests, strict=True)
            )
        )

    def without_memory(self) -> Self:
        """The same networks, whose readers have met no scene: what they keep of each would add up over thousands."""
        return replace(self, members=tuple(each.without_memory() for each in self.members))

    @property
    def modules(self) -> tuple[str, ...]:
        """The user's own modules that have their classes."""
        names = (each.spec.model.name for each in self.members)
        return tuple(sorted({name.partition(":")[0] for name in names if ":" in name}))

    @property
    def ratio(self) -> int:
        """Of the grid of the maps."""
        return self.members[0].spec.data.ratio

    @property
    def charts(self) -> tuple[Chart, ...]:
        """In the order of the first network."""
        return tuple(head.chart for head in heads_of(self.members[0].spec))

    @property
    def regressions(self) -> frozenset[str]:
        """Charts that all networks predict as a value: its mean over them decides the class."""
        names = (chart.name for chart in self.charts)
        return frozenset(name for name in names if all(each.head(name).regression for each in self.members))

    @property
    def source(self) -> str:
        """What made the map, for its reader."""
        specs = ((each.spec, each.checkpoint.epoch) for each in self.members)
        networks = (f"{spec.model.name}, trial {spec.trial_id}, epoch {epoch}" for spec, epoch in specs)
        return "; ".join((*networks, "IceBench"))

    def tiling(self, longest: int) -> Tiling:
        """Tiles that suit all networks, for scenes whose longest side has so many pixels; measures each kind once."""
        kinds = {
            (each.spec.model.model_dump_json(), len(each.spec.inputs), each.spec.evaluation.tile): each
            for each in self.members
        }
        return common_tiling(tiling_for(each.model, each.spec, longest) for each in kinds.values())


def common_tiling(tilings: Iterable[Tiling | None]) -> Tiling:
    """The tiling that gives each network what its own gives it; None are those that need none."""
    found = [tiling for tiling in tilings if tiling is not None]
    if not found:
        return Tiling(side=_SIDE, halo=0, stride=1)
    stride = math.lcm(*(tiling.stride for tiling in found))
    halo = -(-max(tiling.halo for tiling in found) // stride) * stride
    side = max(min(tiling.side for tiling in found) // stride, 1) * stride
    return Tiling(side=side, halo=halo, stride=stride)


def _refuse_other(first: Path, spec: TrialSpec, file: Path, other: TrialSpec) -> None:
    for what, ours, theirs in (
        ("the charts", sorted(spec.data.targets), sorted(other.data.targets)),
        ("ratio", [str(spec.data.ratio)], [str(other.data.ratio)]),
    ):
        if ours != theirs:
            raise CheckpointError(
                f"{str(first)!r} predicts {what} {' '.join(ours)} and {str(file)!r} {what} {' '.join(theirs)}: an "
                "ensemble is of networks with the same charts on the same ratio, so predict with each alone"
            )


def tile_predictor(member: Member, inputs: SceneWindows) -> TilePredictor:
    """How a network is asked about the tiles of a scene; a patch-based one looks at all its windows now."""
    heads = heads_of(member.spec)
    if member.spec.data.task == "patch":
        return _of_windows(member, inputs, heads[0])

    def predict(tile: Tile, x_CHW: torch.Tensor | None) -> dict[str, Answer]:
        assert x_CHW is not None
        lines, samples = tile.inner
        outputs_KHW = outputs_of(member.model, x_CHW[None])[0, :, lines, samples]
        return {head.chart.name: Answer.of(head, outputs_KHW) for head in heads}

    return predict


def _of_windows(member: Member, inputs: SceneWindows, head: Head) -> TilePredictor:
    """Every pixel has the answer of the window whose centre is nearest."""
    spec = member.spec
    sliding = Sliding.over(inputs.shape, spec.data.patch_size, spec.map_stride)
    batches = list(window_outputs(member.model, inputs, sliding.corners, spec.data.patch_size))
    grid = torch.cat(batches).T.reshape(-1, len(sliding.lines), len(sliding.samples))
    answer, starts = Answer.of(head, grid), (sliding.lines, sliding.samples)
    owners = [nearest_window(own, sliding.size, size) for own, size in zip(starts, sliding.shape, strict=True)]

    def predict(tile: Tile, x_CHW: torch.Tensor | None) -> dict[str, Answer]:
        lines, samples = (
            torch.from_numpy(own[part]).to(grid.device)
            for own, part in zip(owners, (tile.lines, tile.samples), strict=True)
        )
        near = {
            name: values.index_select(-2, lines).index_select(-1, samples)
            for name, values in vars(answer).items()
            if values is not None
        }
        return {head.chart.name: Answer(**near)}

    return predict


def by_normalization(members: Sequence[Member]) -> Iterator[tuple[Member, list[int]]]:
    """One member of each way to see a scene, and the places of all that see it so."""
    places: dict[Normalization, list[int]] = {}
    for place, member in enumerate(members):
        places.setdefault(member.checkpoint.normalization, []).append(place)
    for own in places.values():
        yield members[own[0]], own
