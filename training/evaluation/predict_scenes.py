"""Class maps of all test scenes of a lake from a checkpoint for a leaderboard: `training.evaluation.prediction_files`.

Every pixel has a class, land too, since charts have labels on the coast. Maps for people: `training.prediction`.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import unknown_name
from datasets.labels import chart
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.scene import SceneRecord
from training.data.trial_data import NetworkInputs
from training.data.trial_scenes import check_lake
from training.evaluation.fixed_grid import to_grid
from training.evaluation.prediction_files import ENDINGS, Kind, PredictionError, write_prediction
from training.evaluation.score_scenes import SceneScore, SceneToScore, open_scene, score_scenes, tiling_for
from training.loop.checkpoint import load_checkpoint
from training.loop.checkpoint_files import checkpoint_file
from training.loop.device_memory import memory_of, to_score
from training.loop.machine import best_device
from training.loop.precision import whole_float32
from training.output_folder import make_folder


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: `paths` of the maps of `chart` on the grid of `ratio`."""

    chart: str
    ratio: int
    paths: tuple[Path, ...]


@whole_float32()
def predict_scenes(
    checkpoint: Path,
    lake: Lake,
    folder: Path,
    *,
    kind: Kind = "zarr",
    target: str | None = None,
    ratio: int | None = None,
    overwrite: bool = False,
    cache: NodeCache | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """Writes the class of every pixel of every test scene of the lake.

    The checkpoint is the `best.pt` of a trial, or the folder that it is in; the lake need not be the one that it was
    trained on. By default maps are of the trial's first chart and on the grid of its fixed ratio (2: 80 m), else its
    own. `progress` is called with scenes done and their total.

    Raises:
        CheckpointError: There is no checkpoint, or it cannot be read.
        SpecError: The lake lacks the ratio or a channel.
        UnknownNameError: The trial does not predict the chart.
        PredictionError: A map is there already, or the lake has no charts of the ratio.
        OutputFolderError: The folder cannot be made or written.
        DeviceMemoryError: The GPU has no memory for it.
    """
    loaded, device = load_checkpoint(checkpoint_file(checkpoint)), best_device()
    scenes, spec = lake.catalog().split("test"), loaded.spec
    on_own_grid = spec.with_all({"evaluation.fixed_ratio": None, "evaluation.dominance": ()})
    if not scenes:
        raise PredictionError(f"the lake {lake.url!r} has no test scene: leave out --leaderboard, or give another lake")
    check_lake(spec, lake)
    inputs = NetworkInputs.of(spec.data, lake, loaded.normalization, device, cache)
    wanted = ratio or spec.evaluation.fixed_ratio or spec.data.ratio
    name = target or spec.data.primary
    if name not in spec.data.targets:
        raise unknown_name("chart of the trial", name, spec.data.targets)
    if wanted not in lake.ratios:
        raise PredictionError(
            f"the lake {lake.url!r} has no grid of ratio {wanted}, it has {', '.join(map(str, lake.ratios))}: choose "
            "one of them"
        )
    maps = [folder / f"{scene_id}{end}" for scene_id in scenes.scene_ids for end in ENDINGS.values()]
    there = [path for path in maps if path.exists()]
    if there and not overwrite:
        raise PredictionError(f"{str(there[0])!r} exists: give another --out, or --overwrite to replace what is there")
    source = f"{spec.model.name}, trial {spec.trial_id}, epoch {loaded.epoch}, IceBench"

    def open_one(record: SceneRecord) -> SceneToScore:
        return open_scene(inputs.scene(record.scene_id), lake, record, on_own_grid)

    def finish(score: SceneScore) -> Path:
        scene_id = score.record.scene_id
        classes = to_grid(score.predicted[name], spec.data.ratio, wanted, lake.scene(scene_id).shape(wanted))
        return write_prediction(classes, chart(name), folder, scene_id=scene_id, ratio=wanted, kind=kind, source=source)

    model = loaded.model().to(device)
    make_folder(folder)
    for path in there:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    longest = max(max(record.lines, record.samples) for record in scenes) // spec.data.ratio
    paths = []
    with memory_of(device, "map a scene", to_score(spec)):
        for path in score_scenes(model, scenes, open_one, on_own_grid, tiling_for(model, spec, longest), finish):
            paths.append(path)
            progress(len(paths), len(scenes))
    return Written(chart=name, ratio=wanted, paths=tuple(paths))
