"""What the parts of a trial received: a trial is run, and `Recording` says what went over each wire.

The seams are few and low: the network's inputs, what the loss is given, the steps of the optimizer, windows that scenes
are read by, and the checkpoint that is kept. Pictures are not drawn, which is most of the time of a small trial.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

import training.checked_trial
import training.fit
import training.trial
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batch import Batch
from training.evaluation import score_network
from training.evaluation.result import TrialResult
from training.evaluation.score_network import Draw, draw_nothing
from training.loop.checkpoint import Checkpoint
from training.loop.epoch import EpochRow, ValScores
from training.loop.losses import Loss, LossSums
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker

Window = tuple[str, int, int]
"""Scene, first line, first sample."""


@dataclass
class Recording:
    """What went over the wires of one trial; tensors by their digests.

    Attributes:
        identity: trial_id.
        train_scenes: Scenes of the tracker's note of the split; `val_scenes` and `test_scenes` likewise.
        statistics: Mean and deviation of every channel, in the kept checkpoint.
        crops: Windows of the first batch.
        inputs: What the first batch was assembled to, before augmentation.
        fed: What the network was fed with first, and in which type it computed.
        labels: What the loss was given first.
        network: Names and shapes of its weights.
        start: Its weights before the first step.
        compiled: Whether torch.compile was asked for.
        held: Scenes that the device took before the first epoch.
        loss: Of the first batch.
        lr: Rate at each step.
        step: Weights after the first step.
        order: Windows of all batches.
        val: Windows read to validate after the first epoch.
        val_types: Types in which the network computed its val scores, in the order in which they came.
        val_loss: After the first epoch.
        best: Epoch that was kept.
        epochs: How many there were.
        trained: Weights that were kept.
        test: Windows read to score.
        test_types: Types in which it was calibrated and scored.
        scores: Test scores, and the score of every scene.
        drawn: What of every scene is to be drawn.
    """

    identity: str = ""
    train_scenes: tuple[str, ...] = ()
    val_scenes: tuple[str, ...] = ()
    test_scenes: tuple[str, ...] = ()
    statistics: object = None
    crops: tuple[Window, ...] = ()
    inputs: str = ""
    fed: str = ""
    labels: str = ""
    network: object = None
    start: str = ""
    compiled: bool = False
    held: int = 0
    loss: float = float("nan")
    lr: list[float] = field(default_factory=list)
    step: str = ""
    order: list[tuple[Window, ...]] = field(default_factory=list)
    val: list[tuple[Window, tuple[int, ...]]] = field(default_factory=list)
    val_types: tuple[str, ...] = ()
    val_loss: float = float("nan")
    best: int = -1
    epochs: int = 0
    trained: str = ""
    test: list[tuple[Window, tuple[int, ...]]] = field(default_factory=list)
    test_types: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    drawn: str = ""

    def differs_from(self, other: "Recording") -> set[str]:
        """Names of the wires on which two trials differ."""
        return {each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)}


@dataclass
class Recorded:
    """A recorded trial, and what it left."""

    wires: Recording
    result: TrialResult
    tracker: MemoryTracker
    kept: list[Checkpoint]
    """Every checkpoint that was written as best.pt, in order."""
    history: list[EpochRow]
    weights: list[dict[str, torch.Tensor]]
    """After every epoch."""
    calibrated: list[Window]
    """Windows read to fit the temperatures."""


def record(spec: TrialSpec, lake: Lake, folder: Path, *, given: Sequence[ValScores] = ()) -> Recorded:
    """Runs a trial and records it; `given` are val scores to take instead of those that it has, epoch by epoch."""
    probe = _Probe(given)
    tracker = MemoryTracker()
    with pytest.MonkeyPatch.context() as patch, probe.installed(patch):
        result = training.trial.run_trial(spec, lake, tracker, folder=folder, held=probe.held)
    wires = probe.wires
    wires.identity, wires.best, wires.epochs = result.trial_id, result.best_epoch, result.epochs
    wires.statistics = (probe.kept[-1].normalization.mean, probe.kept[-1].normalization.std)
    wires.trained = digest(probe.kept[-1].state.values())
    wires.scores = {name: value for name, value in result.metrics.items() if name.startswith("test")}
    return Recorded(wires, result, tracker, probe.kept, probe.history, probe.weights, probe.calibrated)


class _Probe:
    """Stands at the seams of one trial."""

    def __init__(self, given: Sequence[ValScores]) -> None:
        self.wires = Recording()
        self.kept: list[Checkpoint] = []
        self.history: list[EpochRow] = []
        self.weights: list[dict[str, torch.Tensor]] = []
        self.calibrated: list[Window] = []
        self._given = given
        self._phase = "train"
        self._network: nn.Module | None = None

    @contextmanager
    def installed(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        of_trial = training.trial.__dict__
        build, validate = of_trial["build_network"], training.fit.__dict__["validate"]
        score, fit_temperatures = score_network.score_trial, score_network.CalibrationCount.fitted
        save, progress = of_trial["save_checkpoint"], of_trial["save_progress"]
        assemble, sums, value = Assembler.__call__, Loss.sums, Loss.value
        select = training.checked_trial.TrialData.of

        def built(spec: TrialSpec) -> nn.Module:
            self._network = build(spec)
            state = self._network.state_dict()
            self.wires.network = [(name, tuple(each.shape)) for name, each in state.items()]
            self.wires.start = digest(state.values())
            self._network.register_forward_pre_hook(self._fed)
            return self._network

        def validated(network: nn.Module, *args: Any, **kwargs: Any) -> ValScores:  # noqa: ANN401
            self._phase = "val"
            with self._types_of(network, "val_types"):
                found: ValScores = validate(network, *args, **kwargs)
            self._phase = "train"
            epoch = len(self.history)
            if epoch == 0:
                self.wires.val_loss = float(f"{found.loss:.5g}")
            return self._given[epoch] if epoch < len(self._given) else found

        def calibrated(network: nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self._phase = "calibrate"
            with self._types_of(network, "test_types"):
                return fit_temperatures(network, *args, **kwargs)

        def scored(network: nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self._phase = "test"
            with self._types_of(network, "test_types"):
                return score(network, *args, **kwargs)

        def saved(path: Path, checkpoint: Checkpoint) -> None:
            self.kept.append(checkpoint)
            save(path, checkpoint)

        def went_on(path: Path, trial_id: str, state: Any) -> None:  # noqa: ANN401
            self.history = list(state.history)
            self.weights.append(state.weights)
            progress(path, trial_id, state)

        def assembled(own: Assembler, batch: Batch) -> torch.Tensor:
            x = assemble(own, batch)
            windows = tuple(map(tuple, batch.windows))
            if self._phase == "train":
                self.wires.order.append(windows)
                if not self.wires.crops:
                    self.wires.crops, self.wires.inputs = windows, digest([x])
            elif self._phase == "calibrate":
                self.calibrated.extend(windows)
            elif self._phase == "test" or not self.history:
                read = self.wires.test if self._phase == "test" else self.wires.val
                read.extend((window, tuple(x.shape[2:])) for window in windows)
            return x

        def summed(own: Loss, outputs: torch.Tensor, y: torch.Tensor) -> LossSums:
            if self._phase == "train" and not self.wires.labels:
                self.wires.labels = digest([y])
            return sums(own, outputs, y)

        def valued(own: Loss, found: LossSums) -> torch.Tensor:
            loss = value(own, found)
            if self._phase == "train" and self.wires.loss != self.wires.loss:
                self.wires.loss = loss.item()
            return loss

        def compiled(network: nn.Module) -> nn.Module:
            self.wires.compiled = True
            return network

        def drawer(spec: TrialSpec, *args: Any) -> Draw:  # noqa: ANN401
            self.wires.drawn = spec.evaluation.maps
            return draw_nothing

        def selected(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            data = select(*args, **kwargs)
            for split in ("train", "val", "test"):
                setattr(self.wires, f"{split}_scenes", data.scenes.of(split).scene_ids)
            return data

        for name, stand_in in {
            "build_network": built,
            "save_checkpoint": saved,
            "save_progress": went_on,
            "write_trial_files": lambda *args: [],
            "map_drawer": drawer,
        }.items():
            patch.setattr(training.trial, name, stand_in)
        patch.setattr(training.fit, "validate", validated)
        patch.setattr(training.checked_trial.TrialData, "of", selected)
        patch.setattr(score_network, "score_trial", scored)
        patch.setattr(score_network.CalibrationCount, "fitted", calibrated)
        patch.setattr(Assembler, "__call__", assembled)
        patch.setattr(Loss, "sums", summed)
        patch.setattr(Loss, "value", valued)
        patch.setattr(torch, "compile", compiled)
        before = register_optimizer_step_pre_hook(self._before_step)
        after = register_optimizer_step_post_hook(self._after_step)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def held(self, done: int, total: int) -> None:
        """Counts the scenes that the device takes."""
        self.wires.held = done

    @contextmanager
    def _types_of(self, network: nn.Module, wire: str) -> Iterator[None]:
        """Notes the type of what the network's first convolution gives."""
        first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))

        def gave(module: nn.Module, given: object, found: torch.Tensor) -> None:
            name = str(found.dtype).removeprefix("torch.")
            setattr(self.wires, wire, tuple(dict.fromkeys((*getattr(self.wires, wire), name))))

        hook = first.register_forward_hook(gave)
        try:
            yield
        finally:
            hook.remove()

    def _fed(self, network: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        if self._phase == "train" and not self.wires.fed:
            kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
            self.wires.fed = f"{digest(args)} {kind}"

    def _before_step(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        self.wires.lr.append(float(optimizer.param_groups[0]["lr"]))

    def _after_step(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        if not self.wires.step:
            self.wires.step = digest(each for group in optimizer.param_groups for each in group["params"])


def digest(tensors: Iterable[torch.Tensor]) -> str:
    """Of shapes and content."""
    found = hashlib.sha256()
    for each in tensors:
        found.update(str(tuple(each.shape)).encode())
        found.update(each.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:12]
