"""The map of one large scene, from its lake to a whole store, against only reading it and the forward passes; memory.

The scene has the width of a real one and part of its lines: all costs grow with the pixels, and memory does not grow
with the lines. Each grid runs in a process of its own, so that memory is its own too. The floor is the same network on
the same tiles and the same windows read from the same cache, in turn, before and after the map. Processor seconds
decide, as in `evaluation`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import torch

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from datasets.process.machine import peak_memory
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.evaluation import timed
from tests.benchmarks.full_scene import Row
from training.evaluation.predict import outputs_of
from training.loop.checkpoint import Checkpoint, save_checkpoint
from training.models import build_network
from training.prediction.networks import Networks
from training.prediction.predict_scene import mask_reader, predict_scene_map
from training.prediction.scene_map import open_map
from training.spec import TrialSpec

LINES, SAMPLES = 2100, 10400
GRIDS: Final = {2: ("SOD",), 1: ("SIC", "SOD", "FLOE")}
TIME_REACH, MEMORY_REACH_GB = 1.3, 3.0


def measure() -> list[Row]:
    """Makes a lake with one scene, and maps it at ratio 2 (one chart) and at ratio 1 (three charts); some minutes."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        _make_lake(Path(name))
        for ratio, charts in GRIDS.items():
            command = [sys.executable, "-m", "tests.benchmarks.mapping", name, str(ratio)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            what = f"map of {LINES // ratio} x {SAMPLES // ratio} pixels, ratio {ratio}, {' '.join(charts)}"
            share = found["cpu"] / found["floor"]
            rows += [
                Row(
                    what=what,
                    measured=f"{found['cpu']:.1f} s",
                    floor=f"{found['floor']:.1f} s",
                    ratio=f"{share:.2f}",
                    reach=f"<= {TIME_REACH}",
                    reached=share <= TIME_REACH,
                    note=f"processor seconds; floor: forward passes and reading; wall {found['wall']:.2f} x; "
                    f"{found['mb']:.0f} MB written",
                ),
                Row(
                    what="its peak memory",
                    measured=f"{found['peak_gb']:.2f} GB",
                    floor=f"{found['before_gb']:.2f} GB",
                    ratio="-",
                    reach=f"<= {MEMORY_REACH_GB} GB",
                    reached=found["peak_gb"] <= MEMORY_REACH_GB,
                    note="whole process, maps of the cache's files included; floor: after the forward passes alone",
                ),
            ]
    return rows


def _make_lake(folder: Path) -> None:
    recipe = Recipe(ratios=(1, 2))
    (raw,) = write_samples(folder / "raw", scenes=1, lines=LINES, samples=SAMPLES, seed=0)
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    publish(lake, [convert_scene(str(raw), recipe, lake, "train")], SplitOptions())


def _map(folder: Path, ratio: int) -> dict[str, float]:
    lake, device = Lake.open(str(folder / "lake")), torch.device("cpu")
    (scene_id,) = lake.catalog().scene_ids
    spec = TrialSpec().with_all({"data.ratio": ratio, "data.targets": list(GRIDS[ratio])})
    normalization = Normalization.from_lake(lake, spec.data.channels, ratio)
    file = folder / f"r{ratio}" / "best.pt"
    torch.manual_seed(0)
    state = build_network(spec).state_dict()
    save_checkpoint(file, Checkpoint(spec=spec, normalization=normalization, epoch=0, state=state))
    networks = Networks.load([file], lake, device, cache=NodeCache(folder=folder / f"cache{ratio}", max_bytes=8 << 30))
    (member,) = networks.members
    tiling, inputs = networks.tiling(max(LINES, SAMPLES) // ratio), member.inputs.scene(scene_id)
    reader = mask_reader(networks)
    inputs.window(slice(0, 8), slice(0, 8))  # decoded once, for both sides

    def floor() -> None:
        for tile in tiling.tiles(inputs.shape):
            outputs_of(member.model, inputs.window(tile.outer_lines, tile.outer_samples)[None])

    before, peak_before = timed(floor), _peak_gb()
    path = folder / f"maps{ratio}" / f"{scene_id}.zarr"
    mapped = timed(lambda: predict_scene_map(networks, reader, scene_id, tiling, path))
    peak, after = _peak_gb(), timed(floor)
    least = before + after
    with open_map(path) as data:
        assert (data.SOD.values < 6).any()
    return {
        "cpu": mapped.cpu,
        "floor": least.cpu / 2,
        "wall": 2 * mapped.wall / least.wall,
        "peak_gb": peak,
        "before_gb": peak_before,
        "mb": sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) / 1e6,
    }


def _peak_gb() -> float:
    return peak_memory() / 1e9


if __name__ == "__main__":
    print(json.dumps(_map(Path(sys.argv[1]), int(sys.argv[2]))))
