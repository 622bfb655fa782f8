"""`attribute`: a trained checkpoint and a lake -> importance of every channel, over all scenes of a split."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import captum
import numpy as np
import torch

from datasets.catalog import Catalog
from datasets.errors import unknown_name
from datasets.lake import Lake
from datasets.loading.batch import Batch, Window
from datasets.loading.batches import BatchDataset
from datasets.loading.node_cache import NodeCache
from datasets.plural import plural
from training.attribution.assigned import AssignedPatches, ExplainedNetwork, PatchAttributions, assign
from training.attribution.baselines import baseline_bank, draws_of
from training.attribution.deeplift import DeepLiftExplainer
from training.attribution.features import Features
from training.attribution.memory import Parts, memory_at_hand, patches_at_once
from training.attribution.methods import feature_ablation, gradient_shap, integrated_gradients
from training.attribution.result import AttributionResult, rows_of
from training.attribution.settings import AttributionError, AttributionSettings, class_numbers
from training.attribution.sums import AttributionSums, sum_bins
from training.attribution.windows import COUNTED, FlaggedWindows, cover, has_land, indexed, sampled
from training.data.pure_patches import scored_patches
from training.data.trial_data import NetworkInputs, TrialData
from training.evaluation.predict import read_ahead
from training.loop.checkpoint import load_checkpoint
from training.loop.checkpoint_files import checkpoint_file
from training.loop.device_memory import memory_of
from training.loop.machine import best_device, versions_of
from training.loop.precision import whole_float32
from training.models.heads import Head, heads_of
from training.spec import TrialSpec

LOADED: Final = 32
"""Patches that are read at a time."""


@whole_float32()
def attribute(
    checkpoint: Path,
    lake: Lake,
    settings: AttributionSettings | None = None,
    *,
    cache: NodeCache | None = None,
    device: torch.device | None = None,
    memory: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AttributionResult:
    """Finds which channels a trained network decides by; by default by Integrated Gradients, for all classes.

    The checkpoint is the `best.pt` of a trial that was trained on this lake, or the folder that it is in. `memory` are
    the bytes to take at most; by default what is free on the GPU, or 2 GiB on a CPU. `progress` is called with patches
    done and their total.

    Raises:
        CheckpointError: There is no checkpoint, or it cannot be read.
        SpecError: The lake is another one, or lacks a channel.
        SplitError: The split has no scene with a label.
        UnknownNameError: A chart or class does not exist.
        AttributionError: A scene lacks a channel, the chart is predicted by regression, nothing of the scenes was
            assigned to the classes, or the method cannot handle the network.
        DeviceMemoryError: The GPU has no memory for it.
    """
    started = time.perf_counter()
    settings = settings or AttributionSettings()
    loaded = load_checkpoint(checkpoint_file(checkpoint))
    device = device or best_device()
    data = TrialData.of_checkpoint(loaded, lake, device, cache=cache)
    spec = data.spec
    head, scenes = _head(spec, settings), data.scenes.of(settings.split)
    classes = class_numbers(head.chart.classes, settings.classes)
    check_channels(lake, scenes, spec)
    model = loaded.model().to(device).requires_grad_(False)
    features = Features.of(spec.inputs, groups=settings.groups)
    bank = baseline_bank(data, settings)
    network = ExplainedNetwork(model=model, head=head, features=features, bank=bank, name=spec.model.name)
    explain = explainer(settings, network)
    source = _windows(data, scenes, settings, place=spec.data.targets.index(head.chart.name))
    parts = Parts(patches_at_once(model, bank[:1], len(classes), memory or memory_at_hand(device)))

    def explain_batch(batch: Batch) -> Iterator[tuple[str, AttributionSums]]:
        patches, windows = to_explain(network, data.inputs, batch, classes, settings.seed, at_once=parts.at_once)
        for part, found in parts.each(len(patches), lambda part: explain(patches.part(part))):
            yield from sums_by_scene(found, windows[part], len(features.channels)).items()

    by_scene = {record.scene_id: AttributionSums.zero(head.width, len(features)) for record in scenes}
    with memory_of(device, "explain patches", "explain with feature_ablation, which keeps nothing for a backward pass"):
        for done, batch in _batches(data, source):
            for scene_id, sums in explain_batch(batch):
                by_scene[scene_id] += sums
            progress(done, len(source))
    bins = sum_bins((record, by_scene[record.scene_id]) for record in scenes)
    named = {number: head.chart.classes[number] for number in classes}
    complete = settings.method != "feature_ablation"
    rows, completeness = rows_of(bins, features, list(named.items()), complete=complete)
    if not rows:
        raise AttributionError(
            f"trial {spec.trial_id} assigned no labelled sea pixel of "
            f"{plural(len(scenes), f'{settings.split} scene')} to {', '.join(named.values())}: choose other classes "
            "or another split, or look at more patches"
        )
    versions = versions_of(device) | {"captum": captum.__version__}
    return AttributionResult(
        trial_id=spec.trial_id,
        seed=spec.seed,
        model=spec.model.name,
        task=spec.data.task,
        target=head.chart.name,
        settings=settings,
        lake=lake.digest,
        channels=features.channels,
        classes=tuple(named.values()),
        scenes=len(scenes),
        sampled=settings.patches_per_scene is not None,
        rows=rows,
        completeness=completeness,
        seconds=time.perf_counter() - started,
        versions={name: versions[name] for name in ("torch", "captum", "numpy", "device")},
    )


def check_channels(lake: Lake, scenes: Catalog, spec: TrialSpec) -> None:
    """Raises AttributionError for a scene that lacks a channel, before anything is computed."""
    for record in scenes:
        moments = lake.scene(record.scene_id).moments
        known = {"month", *moments.get(f"r{spec.data.ratio}", ()), *moments.get("km2", ())}
        if missing := [name for name in dict.fromkeys(spec.inputs) if name not in known]:
            raise AttributionError(
                f"scene {record.scene_id} of the lake {lake.url!r} lacks {', '.join(missing)}, which trial "
                f"{spec.trial_id} was trained on: build the scene again with `python -m ingest build`"
            )


def _head(spec: TrialSpec, settings: AttributionSettings) -> Head:
    heads = {head.chart.name: head for head in heads_of(spec)}
    name = settings.target or spec.data.primary
    if name not in heads:
        raise unknown_name("chart of the trial", name, heads)
    if heads[name].regression:
        raise AttributionError(
            f"{name} of trial {spec.trial_id} is predicted by regression and has no logit per class: explain another "
            "chart, or train it with loss.sic = 'classes'"
        )
    return heads[name]


def _windows(data: TrialData, scenes: Catalog, settings: AttributionSettings, *, place: int) -> FlaggedWindows:
    size = data.spec.data.patch_size
    pure = scored_patches(data, scenes)
    windows = cover(data.inputs.reader, scenes.scene_ids, size) if pure is None else indexed(pure)
    if settings.patches_per_scene is not None:
        windows = sampled(windows, settings.patches_per_scene, settings.seed)
    return FlaggedWindows(windows, patch_size=size, target=place, land=has_land(data.inputs.reader))


def _batches(data: TrialData, source: FlaggedWindows) -> Iterator[tuple[int, Batch]]:
    """All windows in order, with how many of them are through after each batch."""
    dataset = BatchDataset(data.inputs.reader, source, batch_size=LOADED)
    ranges = [range(start, min(start + LOADED, len(source))) for start in range(0, len(source), LOADED)]
    for places, batch in zip(ranges, read_ahead(ranges, lambda each: dataset.batch(0, each)), strict=True):
        yield places.stop, batch


Explainer = Callable[[AssignedPatches], PatchAttributions]
"""One method, for one network."""


def explainer(settings: AttributionSettings, network: ExplainedNetwork) -> Explainer:
    """The method of the settings for a network; raises AttributionError where it cannot handle it."""
    match settings.method:
        case "integrated_gradients":
            return partial(integrated_gradients, network, steps=settings.steps)
        case "gradient_shap":
            return partial(gradient_shap, network, samples=settings.samples)
        case "feature_ablation":
            return partial(feature_ablation, network)
        case "deeplift" | "deeplift_shap":
            return DeepLiftExplainer(network, shap=settings.method == "deeplift_shap")


def to_explain(
    network: ExplainedNetwork, inputs: NetworkInputs, batch: Batch, classes: tuple[int, ...], seed: int, *, at_once: int
) -> tuple[AssignedPatches, list[Window]]:
    """Patches of a batch that hold something to explain, with what the network says of them now.

    The labels of the batch are the flags of `FlaggedWindows`; `at_once` patches are in a forward pass.
    """
    batch = batch.to(inputs.device)
    x, flags = inputs.assemble(batch), batch.y[:, 0]
    wanted = flags == COUNTED
    logits = torch.cat([network.logits(x[start : start + at_once]) for start in range(0, len(x), at_once)])
    if logits.ndim == 2:  # a patch is explained as a whole
        wanted = wanted.flatten(1).any(dim=1)
    assigned = assign(logits, network.head, wanted, classes)
    rows = torch.nonzero((assigned >= 0).reshape(len(x), -1).any(dim=1))[:, 0]
    windows = [batch.windows[row] for row in rows.tolist()]
    patches = AssignedPatches(
        x=x[rows],
        valid=flags[rows] <= COUNTED,
        assigned=assigned[rows],
        logits=logits[rows],
        draws=draws_of(windows, seed),
    )
    return patches, windows


def sums_by_scene(found: PatchAttributions, windows: Sequence[Window], channels: int) -> dict[str, AttributionSums]:
    """Adds up what was found for patches, scene by scene; `channels` are the first of the features."""
    change = found.change if found.change is not None else np.zeros(found.counts.shape)
    error = np.abs(found.signed[:, :, :channels].sum(axis=2) - change)
    sums = {}
    for scene_id in dict.fromkeys(window.scene_id for window in windows):
        rows = [place for place, window in enumerate(windows) if window.scene_id == scene_id]
        sums[scene_id] = AttributionSums(
            signed=found.signed[rows].sum(axis=0),
            absolute=found.absolute[rows].sum(axis=0),
            n=found.counts[rows].sum(axis=0),
            patches=(found.counts[rows] > 0).sum(axis=0),
            change=change[rows].sum(axis=0),
            change_size=np.abs(change[rows]).sum(axis=0),
            error=error[rows].sum(axis=0),
        )
    return sums
