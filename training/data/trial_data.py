"""`TrialData`: the lake as one trial reads it, for a new trial and for the checkpoint of a finished one.

`NetworkInputs` reads scenes as its network sees them, of any lake: window by window, and batches of patches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batch import Window
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from datasets.loading.resident import ResidentScenes
from datasets.loading.scene_inputs import SceneInputs, read_inputs
from datasets.loading.scene_reader import SceneReader
from training.data.trial_scenes import TrialScenes, bind, check_trained_on, select_scenes
from training.loop.checkpoint import Checkpoint
from training.spec import DataSpec, TrialSpec


@dataclass(frozen=True, kw_only=True)
class NetworkInputs:
    """Scenes of a lake as a network sees them.

    Attributes:
        reader: Reads scenes in this process: the ratio, channels and charts of the trial.
        normalization: Channel statistics of training scenes.
        assemble: Makes inputs (B, C, H, W) float32, normalized, on the device from what was read.
        resident: Scenes that the device holds; others are read from the lake.
    """

    reader: SceneReader
    normalization: Normalization
    assemble: Assembler
    device: torch.device
    resident: ResidentScenes | None = None

    @classmethod
    def of(
        cls, data: DataSpec, lake: Lake, normalization: Normalization, device: torch.device, cache: NodeCache | None
    ) -> "NetworkInputs":
        """The inputs that `data` describes; the channels that are read are those of the normalization, the network's.

        `cache` holds decoded arrays of this node, None reads from the lake.
        """
        return cls(
            reader=SceneReader(
                lake,
                ratio=data.ratio,
                channels=tuple(dict.fromkeys(normalization.channels)),
                targets=data.targets,
                cache=cache,
                dominance=data.dominance,
            ),
            normalization=normalization,
            assemble=Assembler(normalization, ratio=data.ratio, device=device),
            device=device,
        )

    def scene(self, scene_id: str) -> SceneInputs:
        """A whole scene."""
        return SceneInputs(self.reader, scene_id, self.assemble, self.device, self.resident)

    def patches(self, windows: Sequence[Window], size: int) -> torch.Tensor:
        """Inputs (B, C, size, size) of patches."""
        return read_inputs(self.reader, windows, (size, size), self.assemble, self.device, self.resident)


@dataclass(frozen=True, kw_only=True)
class TrialData:
    """What a trial reads, its spec bound to the lake; patches, class weights and notes for a tracker are made from it.

    `index_folder` is where indexes of patches are kept if the lake may not be written; None keeps none.
    """

    spec: TrialSpec
    lake: Lake
    scenes: TrialScenes
    inputs: NetworkInputs
    index_folder: Path | None = None

    @classmethod
    def of(
        cls,
        spec: TrialSpec,
        lake: Lake,
        device: torch.device,
        *,
        cache: NodeCache | None,
        normalization: Normalization | None = None,
    ) -> "TrialData":
        """Binds the spec to the lake and finds its scenes.

        Without a cache of this node's decoded arrays every window is read from the lake. Without the normalization
        that a network was trained with it is that of the lake's training scenes, or with `data.selection` source of
        the trial's own.

        Raises:
            SpecError: The spec is bound to another lake, or has a ratio or channel that this lake lacks.
            SplitError: A split has no scene with a label.
        """
        spec = bind(spec, lake)
        inputs = spec.model.inputs
        data, scenes = spec.data, select_scenes(spec, lake)
        normalization = normalization or Normalization.from_lake(
            lake,
            tuple(dict.fromkeys(spec.inputs)),
            data.ratio,
            scene_average=data.statistics == "scene_average",
            scene_ids=None if data.selection == "all" else scenes.train.scene_ids,
        ).as_wanted(spec.inputs, inputs.mean, inputs.std, inputs.sar)
        return cls(
            spec=spec,
            lake=lake,
            scenes=scenes,
            inputs=NetworkInputs.of(data, lake, normalization, device, cache),
            index_folder=None if cache is None else cache.folder / "index",
        )

    @classmethod
    def of_checkpoint(
        cls, checkpoint: Checkpoint, lake: Lake, device: torch.device, *, cache: NodeCache | None
    ) -> "TrialData":
        """The data of a finished trial, normalized as its network has learned to see it; raises as `of` does.

        Its splits are those of the lake that it was trained on. Maps need none: see `training.prediction`.
        """
        check_trained_on(checkpoint.spec, lake)
        return cls.of(checkpoint.spec, lake, device, cache=cache, normalization=checkpoint.normalization)
