"""A scene from the lake to matrices against its forward passes; an epoch beside its steps; the headline trial.

The scene has part of a full one's pixels (`FULL`): val scenes are scaled by pixels. The arithmetic is that of
the published trial: 300 epochs of 500 batches, 18 val scenes scored after each.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from tests.benchmarks.data_wait import SameBatch
from tests.gpu.benchmarks.measured import Bench, Row, batches_of, steps_per_second, trainer_of
from training.data.feed import resident_sets
from training.evaluation.predict import outputs_of
from training.evaluation.score_network import score_trial
from training.evaluation.score_scenes import tiling_for
from training.evaluation.val_precision import InPrecision, dtype_name, val_precision_of
from training.evaluation.validate import validate
from training.loop.checkpoint import Checkpoint, save_checkpoint, save_progress
from training.loop.losses import Loss
from training.loop.processes import Processes
from training.loop.trainer import FitState, copy_weights
from training.models.heads import heads_of

EPOCHS, STEPS, VAL_SCENES, FULL = 300, 500, 18, 5000 * 5200
SCENE_REACH, EPOCH_REACH, HEADLINE_MINUTES = 1.3, 0.2, 20.0


def measure(bench: Bench) -> list[Row]:
    """One scene at ratio 2."""
    spec, device = bench.of(2), bench.device
    data = bench.data(spec.with_("loop.feed", "device"))
    sets = resident_sets(data, Processes())
    assert sets is not None
    sets.load(2, lambda done, total: None)
    trainer = trainer_of(spec, device, bench.steps)
    model = trainer.model
    tiling = tiling_for(model, spec)
    assert tiling is not None
    (record,) = data.scenes.test
    shape = record.lines // 2, record.samples // 2
    tiles = [
        torch.randn(
            1,
            len(spec.data.channels),
            tile.outer_lines.stop - tile.outer_lines.start,
            tile.outer_samples.stop - tile.outer_samples.start,
            device=device,
        )
        for tile in tiling.tiles(shape)
    ]

    def forward() -> None:
        for x in tiles:
            outputs_of(model, x)

    def scored() -> None:
        score_trial(model, data, tiling=tiling, pure=None)

    resident = bench.data(spec)
    resident = type(resident)(
        spec=resident.spec,
        lake=resident.lake,
        scenes=resident.scenes,
        inputs=type(resident.inputs)(**{**vars(resident.inputs), "resident": sets.val}),
    )

    precision = val_precision_of(spec.with_("loop.val_precision", "training"), device)

    def validated() -> None:
        validate(model, resident, Loss(spec.loss, heads_of(spec)), tiling, Processes())

    def validated_to_choose() -> None:
        validate(InPrecision(model, precision), resident, Loss(spec.loss, heads_of(spec)), tiling, Processes())

    floor, whole, *vals = (_seconds(work, device) for work in (forward, scored, validated, validated_to_choose))
    saved = _saved(trainer, data.spec, data.inputs.normalization)
    batches = batches_of(bench, spec, "device")
    rate = steps_per_second(trainer_of(spec, device, bench.steps), batches, device)
    same = steps_per_second(trainer_of(spec, device, bench.steps), SameBatch(batches, bench.steps), device)
    steps = STEPS / rate
    scale = VAL_SCENES * FULL / (shape[0] * shape[1])
    kinds = {"float32": vals[0], f"training ({dtype_name(precision)})": vals[1]}
    return [
        Row(
            what="evaluation of a scene, lake to matrices, against its forward passes",
            measured=f"{whole:.2f} s",
            floor=f"{floor:.2f} s",
            ratio=whole / floor,
            reach=f"<= {SCENE_REACH}",
            reached=whole <= SCENE_REACH * floor,
            note=f"{shape[0]} x {shape[1]} of 5000 x 5200 pixels, float32 without TF32",
        ),
        *(row for kind, val in kinds.items() for row in _epoch_rows(kind, val * scale, saved, steps, same)),
    ]


def _epoch_rows(kind: str, val: float, saved: float, steps: float, same: float) -> list[Row]:
    """An epoch and the headline trial with one `loop.val_precision`; the goal of an epoch is that of the faster one."""
    minutes, floor = EPOCHS * (steps + val + saved) / 60, EPOCHS * STEPS / same / 60
    has_goal = kind != "float32"
    return [
        Row(
            what=f"an epoch beside its training steps, val_precision {kind}",
            measured=f"{val + saved:.2f} s",
            floor=f"{steps:.2f} s",
            ratio=(val + saved) / steps,
            reach=f"<= {EPOCH_REACH}" if has_goal else "-",
            reached=val + saved <= EPOCH_REACH * steps if has_goal else None,
            note=f"{VAL_SCENES} full val scenes, resident: {val:.2f} s (from one, by pixels); files {saved:.2f} s",
        ),
        Row(
            what=f"the headline trial, from its measured parts, val_precision {kind}",
            measured=f"{minutes:.1f} min",
            floor=f"{floor:.1f} min",
            ratio=minutes / floor,
            reach=f"<= {HEADLINE_MINUTES:.0f} min",
            reached=minutes <= HEADLINE_MINUTES,
            note=f"{EPOCHS} x (steps {steps:.2f} s + val {val:.2f} s + files {saved:.2f} s); floor: steps alone",
        ),
    ]


def _seconds(work: object, device: torch.device) -> float:
    """The faster of two."""
    assert callable(work)
    found = []
    for _ in range(2):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - started)
    return min(found)


def _saved(trainer: object, spec: object, normalization: object) -> float:
    """Seconds in which an epoch's files are written; the state of Adam is that of a trained network."""
    from training.loop.trainer import Trainer

    assert isinstance(trainer, Trainer)
    state = FitState(weights=copy_weights(trainer.model), optimizer=trainer._optimizer.state_dict())
    with TemporaryDirectory(prefix="icebench-bench-") as name:
        started = time.perf_counter()
        kept = Checkpoint(spec=spec, normalization=normalization, epoch=0, state=state.weights)  # type: ignore[arg-type]
        save_checkpoint(Path(name) / "best.pt", kept)
        save_progress(Path(name) / "last.pt", "trial", state)
        return time.perf_counter() - started
