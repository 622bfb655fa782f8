"""Patch index of one scene of 5000 x 5200 pixels, windows of 224 every 100: from memory, from a lake, and by a loop.

The floor is one summed-area table by plain numpy: `cumsum` over one axis and then the other. An index with every rule
needs three tables; a loop over windows needs none, and looks at every pixel again for every window and rule. From a
lake there is no goal beside that of the index itself: chart, border distance and land are read once each, whatever the
rules ask, and decoding them takes less than the tables.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.lake import Lake
from datasets.patches.index_build import build_index, index_scene
from datasets.patches.patch_rules import PatchRule, ScenePatches, SceneTables, pure_windows
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.full_scene import Row

LINES, SAMPLES, RATIO = 5000, 5200, 2
PURE = PatchRule(ratio=RATIO, patch_size=224, stride=100)
ALL = PURE.model_copy(update={"border_distance": 400.0, "max_land": 0.1})
OTHER = ALL.model_copy(update={"patch_size": 256, "stride": 20, "max_land": 0.0})
NAMES = ("SOD", "distance_to_border", "distance_map")
REACH_S, AGAIN_REACH_S = 1.0, 0.1


def measure() -> list[Row]:
    """Makes the scene, measures, and holds the result against the loop's; about two minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        lake = _lake(Path(name))
        record = lake.catalog().records[0]
        scene = lake.scene(record.scene_id)
        read, from_lake = _best(
            lambda: [scene.window(RATIO, each, slice(None), slice(None)) for each in NAMES],
            lambda: index_scene(lake, record, ALL),
        )
        build_index(lake, [record], ALL)
        (kept,) = _best(lambda: build_index(lake, [record], ALL))
        arrays = {each: scene.window(RATIO, each, slice(None), slice(None)) for each in NAMES}
    tables = SceneTables(arrays.__getitem__, "SOD")
    found, found_again = pure_windows(tables, ALL), pure_windows(tables, OTHER)
    cumsum, pure, every, again = _best(
        lambda: _cumsum(arrays["SOD"] == 0),
        lambda: pure_windows(SceneTables(arrays.__getitem__, "SOD"), PURE),
        lambda: pure_windows(SceneTables(arrays.__getitem__, "SOD"), ALL),
        lambda: pure_windows(tables, OTHER),
    )
    loop, loop_again = _loop_seconds(arrays, ALL, found), _loop_seconds(arrays, OTHER, found_again)
    return [
        _row("pure windows, from memory", pure, cumsum, REACH_S, f"{found.pure} windows"),
        _row("with border and land rule", every, cumsum, REACH_S, f"a loop over windows: {loop:.3f} s"),
        _row("256 every 20, tables there", again, cumsum, AGAIN_REACH_S, f"a loop over windows: {loop_again:.3f} s"),
        _row("kept index, opened again", kept, cumsum, AGAIN_REACH_S, ""),
        Row(
            what="all rules, from a lake on disk",
            measured=f"{from_lake:.3f} s",
            floor=f"{read + every:.3f} s",
            ratio=f"{from_lake / (read + every):.2f}",
            reach="-",
            reached=True,
            note=f"floor: the three variables decoded ({read:.3f} s), each once, and the index from memory",
        ),
    ]


def _row(what: str, seconds: float, floor: float, reach: float, note: str) -> Row:
    return Row(
        what=what,
        measured=f"{seconds:.3f} s",
        floor=f"{floor:.3f} s",
        ratio=f"{seconds / floor:.3f}",
        reach=f"<= {reach:g} s",
        reached=seconds <= reach,
        note=note,
    )


def _lake(folder: Path) -> Lake:
    recipe = Recipe(ratios=(RATIO,))
    (raw,) = write_samples(folder / "raw", scenes=1, lines=LINES * RATIO, samples=SAMPLES * RATIO, seed=0)
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    publish(lake, [convert_scene(str(raw), recipe, lake, "train")], SplitOptions())
    return Lake.open(lake.url)


def _best(*works: Callable[[], object], times: int = 5) -> list[float]:
    """Shortest time of each; in turns, so that what else runs on the machine meets all of them."""
    seconds = [float("inf")] * len(works)
    for _ in range(times):
        for place, work in enumerate(works):
            started = time.perf_counter()
            work()
            seconds[place] = min(seconds[place], time.perf_counter() - started)
    return seconds


def _cumsum(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    table: NDArray[np.int32] = mask.cumsum(axis=0, dtype=np.int32).cumsum(axis=1)
    return table


def _loop_seconds(arrays: dict[str, NDArray[np.generic]], rule: PatchRule, expected: ScenePatches) -> float:
    """Time of a loop that looks at every window by itself; raises AssertionError if it finds other patches."""
    started = time.perf_counter()
    found = _by_loop(arrays, rule)
    seconds = time.perf_counter() - started
    if found != list(zip(expected.line, expected.sample, expected.label, strict=True)):
        raise AssertionError(f"a loop over windows finds other patches of {rule}")
    return seconds


def _by_loop(arrays: dict[str, NDArray[np.generic]], rule: PatchRule) -> list[tuple[int, int, int]]:
    """Cheapest question first: most windows fall with their first pixel or in the chart."""
    labels, distance, zones = (arrays[name] for name in NAMES)
    lines, samples = rule.starts((LINES, SAMPLES))
    size, found = rule.patch_size, []
    for line in lines.tolist():
        for sample in samples.tolist():
            window = slice(line, line + size), slice(sample, sample + size)
            label = int(labels[line, sample])
            if (
                label != 255
                and (labels[window] == label).all()
                and distance[window].min() >= rule.border_distance
                and (zones[window] < 0.5).mean() <= rule.max_land
            ):
                found.append((line, sample, label))
    return found
