"""All that a trial does on a GPU, on a pretended one (`tests.pretend_gpu`): nothing mixes devices, no step waits."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from tests.pretend_gpu import GPU, MixedDevicesError, PretendGPU, WaitError, is_there, no_waits, pretended
from tests.training.attribution.explained import untrained
from training.attribution.run import attribute
from training.attribution.settings import AttributionSettings
from training.data.feed import resident_sets
from training.data.training_batches import TrainingBatches, patch_source
from training.data.trial_data import TrialData
from training.evaluation.score_network import score_network
from training.evaluation.score_scenes import tiling_for
from training.loop.losses import Loss
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models import NETWORKS, build_model, build_network
from training.models.heads import heads_of
from training.prediction.formats import Options
from training.prediction.map_folder import MapFolder
from training.prediction.predict_maps import choose_scenes, predict_maps
from training.spec import ModelSpec, TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

PATCH = {"data.task": "patch", "data.ratio": 2, "data.patch_size": 24, "data.stride": 12, "model": {"name": "cnn"}}
CHANGES = ("flip_lines", "flip_samples", "rotate90", "rotate", "scale", "cutmix")
EVERYTHING = {
    "data.channels": list(TrialSpec().data.channels),
    **{f"augment.{name}": 0.7 for name in CHANGES},
    "augment.turn_wind": True,
    "optimizer.clip_norm": 1.0,
    "loop.batch_size": 8,
}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendGPU]:
    with pretended(monkeypatch) as mode:
        yield mode


def trainer_of(spec: TrialSpec, weights: dict[str, list[float]] | None = None) -> Trainer:
    return Trainer(
        build_network(spec),
        Loss(spec.loss, heads_of(spec), weights),
        loop=spec.loop,
        optimizer=spec.optimizer,
        network=spec.model,
        batches_per_epoch=3,
        seed=0,
        device=GPU,
        processes=Processes(),
    )


def batches_of(spec: TrialSpec, lake: Lake) -> TrainingBatches:
    """Of loaders, or of the device as the spec wants it."""
    data = TrialData.of(spec, lake, GPU, cache=None)
    sets = resident_sets(data, Processes())
    if sets is not None:
        sets.load(1, lambda done, total: None)
    return TrainingBatches(data, patch_source(data), Processes(), 0, None if sets is None else sets.train)


def test_the_pretended_gpu_refuses_what_a_gpu_refuses(gpu: PretendGPU) -> None:
    x = torch.randn(3, 4, device="cuda")
    assert x.is_cuda
    assert x.device == GPU == (x + torch.tensor(1.0)).device, "a number of the host is taken along"
    for mixed in (
        lambda: x + torch.zeros(4),
        lambda: torch.where(x > 0, x, torch.zeros(3, 4)),
        lambda: torch.zeros(4)[x[0].long()],
        lambda: x.index_select(0, torch.tensor([0])),
        lambda: torch.stack([x.sum(), torch.tensor(1.0)]),
        lambda: torch.nn.functional.cross_entropy(x, torch.tensor([0, 1, 2])),
        lambda: torch.nn.Linear(4, 2)(x),
    ):
        with pytest.raises(MixedDevicesError):
            mixed()
    with pytest.raises(TypeError, match="numpy"):
        x.numpy()
    with no_waits(gpu):
        x.copy_(torch.zeros(3, 4).pin_memory(), non_blocking=True)
        torch.zeros(3).pin_memory().to(GPU, non_blocking=True)
        for waits in (
            lambda: bool(x.any()),
            lambda: x.sum().item(),
            lambda: x[x > 0],
            lambda: x.cpu(),
            lambda: torch.zeros(3).to(GPU, non_blocking=True),
            lambda: torch.tensor([1.0, 2.0], device=GPU),
            lambda: torch.bincount(x.long().flatten()),
        ):
            with pytest.raises(WaitError):
                waits()
    network = torch.nn.Linear(4, 2).to(GPU)
    network(x).sum().backward()
    assert is_there(network.weight)
    assert is_there(network.weight.grad)
    twin = copy.deepcopy(network)
    assert is_there(twin.weight)
    assert not is_there(twin.cpu().weight)


@pytest.mark.parametrize("feed", ["loader", "device"])
@pytest.mark.parametrize(
    "changes",
    [
        {"loop.precision": "bfloat16", "data.targets": ["SIC", "SOD", "FLOE"], "data.balanced": True},
        {"loss.name": "focal", "optimizer.name": "adamw", "data.border_distance": 100.0, "data.max_land": 0.5},
        {"loss.name": "dice", "optimizer.name": "sgd", "data.targets": ["SOD", "SIC"], "loss.sic": "regression"},
        {**PATCH, "loss.name": "focal", "augment.cutmix": 0.0},
    ],
    ids=["classes", "focal", "value", "patch"],
)
def test_a_step_mixes_no_devices_and_never_waits(
    changes: dict[str, object], feed: str, gpu: PretendGPU, tiny_lake: Lake, small_spec: TrialSpec
) -> None:
    spec = small_spec.with_all({**EVERYTHING, **changes, "loop.feed": feed})
    batches = batches_of(spec, tiny_lake)
    trainer = trainer_of(spec, {"SOD": [1.0] * 6})
    trainer.train_epoch(batches, 0)
    trainer.model.train()
    for number, batch in enumerate(list(batches.epoch(1))):
        with no_waits(gpu):
            x, y = batches.prepare(batch, 1, number)
            assert is_there(x)
            assert is_there(y)
            trainer._step(x, y, 1, number, batch)


def test_float16_scales_its_loss_there(gpu: PretendGPU, tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({"loop.precision": "float16", "optimizer.clip_norm": 1.0})
    trainer = trainer_of(spec)
    trainer.train_epoch(batches_of(spec, tiny_lake), 0)
    assert trainer._scaler.is_enabled()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_makes_no_tensor_elsewhere(name: str, gpu: PretendGPU) -> None:
    task = NETWORKS[name].task
    with torch.device("meta"):
        model = build_model(ModelSpec(name=name), task=task, in_channels=3, n_outputs=6)
    model = model.to_empty(device="cpu").to(GPU, memory_format=torch.channels_last)  # its weights do not matter
    outputs = model.train()(torch.zeros(2, 3, 40, 40, device=GPU))
    outputs.sum().backward()
    assert is_there(outputs)
    assert all(is_there(each.grad) for each in model.parameters())
    with torch.inference_mode():
        assert is_there(model.eval()(torch.zeros(1, 3, 45, 43, device=GPU)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"loop.feed": "loader"},
        {**PATCH, "loop.feed": "auto"},
        {"loop.precision": "bfloat16", "loop.val_precision": "training"},
    ],
    ids=["pixel", "patch", "val-in-bfloat16"],
)
def test_a_whole_trial_runs_and_agrees_with_a_cpu(
    changes: dict[str, object],
    gpu: PretendGPU,
    tiny_lake: Lake,
    small_spec: TrialSpec,
    tmp_path: Path,
) -> None:
    """Load, train, validate, keep, fit temperatures, score, draw."""
    spec = small_spec.with_all({"loop.precision": "float32", "data.targets": ["SOD"], **changes})
    there = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "gpu")
    assert there.versions["device"] == "a pretended GPU"
    assert there.metrics["cost/gpu_hours"] > 0
    seen = gpu.watched
    here = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "cpu", gpu_share=0.0)
    assert gpu.watched == seen, "without a part of the GPU a trial computes on the CPU"
    assert here.matrices.keys() == there.matrices.keys()
    assert there.val_precision == here.val_precision == ("bfloat16" if "loop.val_precision" in changes else "float32")
    assert here.metrics["best/val_loss"] == pytest.approx(there.metrics["best/val_loss"], rel=0.05), "another layout"


def test_a_stopped_training_goes_on_there(gpu: PretendGPU, tiny_lake: Lake, small_spec: TrialSpec) -> None:
    batches = batches_of(small_spec, tiny_lake)
    first = trainer_of(small_spec)
    first.train_epoch(batches, 0)
    second = trainer_of(small_spec)
    state = {name: value.cpu() for name, value in first.model.state_dict().items()}
    second.model.load_state_dict(state)
    second._optimizer.load_state_dict(first._optimizer.state_dict())
    second.train_epoch(batches, 1)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["pixel", "patch"])
def test_a_resident_scene_is_scored_there(task: str, gpu: PretendGPU, tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({**(PATCH if task == "patch" else {}), "loop.feed": "device", "evaluation.tile": 64})
    data = TrialData.of(spec, tiny_lake, GPU, cache=None)
    sets = resident_sets(data, Processes())
    assert sets is not None
    sets.load(1, lambda done, total: None)
    data = replace(data, inputs=replace(data.inputs, resident=sets.val))
    from training.data.pure_patches import scored_patches

    model = build_network(spec).to(GPU)
    found = score_network(
        model,
        data,
        tiling=tiling_for(model, spec),
        val_patches=scored_patches(data, data.scenes.val),
        test_patches=scored_patches(data, data.scenes.test),
    )
    assert found.metrics


@pytest.mark.slow
@pytest.mark.parametrize("task", ["pixel", "patch"])
def test_channels_are_explained_there(
    task: str, gpu: PretendGPU, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    file = untrained(small_spec.with_all(PATCH if task == "patch" else {}), tiny_lake, tmp_path)
    for method in ("integrated_gradients", "gradient_shap", "deeplift", "deeplift_shap", "feature_ablation"):
        settings = AttributionSettings.model_validate({"method": method, "patches_per_scene": 2, "steps": 2})
        assert attribute(file, tiny_lake, settings).versions["device"] == "a pretended GPU"


def test_scenes_are_mapped_there(gpu: PretendGPU, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    files = [untrained(small_spec.with_("seed", seed), tiny_lake, tmp_path / str(seed)) for seed in (0, 1)]
    folder = MapFolder(path=tmp_path / "maps", formats=("zarr",), options=Options(), overwrite=False)
    before = gpu.watched
    assert predict_maps(files, tiny_lake, choose_scenes(tiny_lake, (), "test"), folder).written
    assert gpu.watched > before
