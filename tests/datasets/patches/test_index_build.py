"""Index of a lake: right, kept, found again, and kept elsewhere where the lake refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import SceneNotFoundError, SplitError
from datasets.lake import Lake
from datasets.patches.index_build import build_index, index_scene
from datasets.patches.patch_index import PatchIndex
from datasets.patches.patch_rules import PatchRule
from datasets.scene import SceneRecord
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.other_recipes import prune
from ingest.recipe import Recipe
from ingest.verify import verify_lake
from tests.datasets.patches.indexed_lakes import RULE, files

ROOT = Path(__file__).parents[3]


def by_loop(lake: Lake, scene_id: str, rule: PatchRule) -> list[tuple[int, int, int]]:
    scene = lake.scene(scene_id)
    whole = (slice(None), slice(None))
    chart, distance, zone = (
        scene.window(rule.ratio, name, *whole) for name in (rule.target, "distance_to_border", "distance_map")
    )
    size, found = rule.patch_size, []
    starts = [sorted({*range(0, length - size + 1, rule.stride), length - size}) for length in chart.shape]
    for line in starts[0]:
        for sample in starts[1]:
            window = slice(line, line + size), slice(sample, sample + size)
            classes = np.unique(chart[window])
            if (
                classes.tolist() != [255]
                and classes.size == 1
                and distance[window].min() >= rule.border_distance
                and (zone[window] < 0.5).mean() <= rule.max_land
            ):
                found.append((line, sample, int(classes[0])))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        PatchRule(ratio=5, target="SIC", patch_size=9, stride=4, border_distance=400.0),
        PatchRule(ratio=1, target="FLOE", patch_size=40, stride=33, max_land=0.0, border_distance=100.0),
    ],
)
def test_patches_of_a_lake_are_those_of_a_loop(lake: Lake, rule: PatchRule) -> None:
    index = build_index(lake, reversed(lake.catalog().records), rule)
    assert index.scene_ids == lake.catalog().scene_ids
    assert len(index) > 20
    assert np.unique(index.label).size > 1
    for place, scene in enumerate(index.scenes):
        part = index.subset(index.scene == place)
        expected = by_loop(lake, scene.scene_id, rule)
        assert list(zip(part.line, part.sample, part.label, strict=True)) == expected
        assert scene.patches == len(expected) <= scene.clear <= scene.pure <= scene.windows
    if rule.border_distance:
        assert sum(scene.clear for scene in index.scenes) < sum(scene.pure for scene in index.scenes)


@pytest.mark.slow
def test_a_scene_with_other_content_is_indexed_anew(lake: Lake, reads: list[str]) -> None:
    records = list(lake.catalog().records)
    first = build_index(lake, records, RULE)
    place = int(np.argmax([scene.patches for scene in first.scenes]))
    changed = records[place].model_copy(update={"fingerprint": "0123456789ab"})
    records[place] = changed
    with pytest.raises(SceneNotFoundError, match="is not the one of the catalog"):
        build_index(lake, records, RULE)
    document = Path(lake.scene_url(changed.scene_id)) / "zarr.json"
    content = json.loads(document.read_text())
    record = json.loads(content["attributes"]["record"]) | {"fingerprint": changed.fingerprint}
    content["attributes"]["record"] = json.dumps(record)
    document.write_text(json.dumps(content))
    reads.clear()
    again = build_index(lake, records, RULE)
    assert reads == ["SOD"]
    assert again.scenes[place].fingerprint == changed.fingerprint
    assert np.array_equal(again.label, first.label)


def test_a_stopped_build_goes_on_where_it_was(lake: Lake, reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    records = lake.catalog().records

    def stop(lake: Lake, record: SceneRecord, rule: PatchRule) -> PatchIndex:
        if record == records[5]:
            raise KeyboardInterrupt
        return index_scene(lake, record, rule)

    with monkeypatch.context() as patch:
        patch.setattr("datasets.patches.index_build.index_scene", stop)
        patch.setattr("datasets.patches.index_build.usable_memory", lambda: 0)  # one scene at a time
        with pytest.raises(KeyboardInterrupt):
            build_index(lake, records, RULE)
    before = len(reads)
    build_index(lake, records, RULE)
    assert len(reads) == len([record for record in records if record.labelled("SOD")])
    assert before >= 4


@pytest.mark.slow
def test_processes_that_build_at_once_write_the_same(lake: Lake) -> None:
    code = (
        "import sys; from datasets.patches.index_build import build_index; from datasets.lake import Lake; "
        "from datasets.patches.patch_rules import PatchRule; lake = Lake.open(sys.argv[1]); "
        f"build_index(lake, lake.catalog(), PatchRule.model_validate({RULE.model_dump()!r}))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, lake.url], cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    together = files(lake)
    shutil.rmtree(lake.index_url)
    build_index(lake, lake.catalog(), RULE)
    assert files(lake) == together


@pytest.mark.slow
def test_scenes_smaller_than_a_patch_are_reported(lake: Lake) -> None:
    records = list(lake.catalog().records)
    small = records[3].model_copy(update={"lines": 2 * RULE.patch_size - 1, "fingerprint": "small"})
    records[3] = small
    index = build_index(lake, records, RULE)
    assert index.too_small == (small.scene_id,)
    assert 3 not in index.scene
    assert index.scenes[3].windows == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ratio": 3}, r"has no ratio 3, it has 1, 2, 5, 10: choose one of them"),
        (
            {"patch_size": 211},
            r"^a patch of 211 pixels fits into none of 11 scenes at ratio 2, the largest \(\w+\) has 210 x 260: use a "
            "patch_size of at most 210, or a smaller ratio$",
        ),
        (
            {"patch_size": 200},
            r"^none of \d+ windows of 200 pixels in 11 scenes is a patch with one class of SOD: 0 have one class in "
            "all their pixels; use a smaller patch_size or stride, or more scenes$",
        ),
        (
            {"border_distance": 1e6, "max_land": 0.5},
            r"of SOD: \d+ have one class in all their pixels, 0 of these are 1e\+06 m from every polygon border; use a "
            "smaller patch_size or stride, a smaller border_distance, or more scenes$",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(lake: Lake, changes: dict[str, float], sentence: str) -> None:
    rule = PatchRule.model_validate({**RULE.model_dump(), **changes})
    with pytest.raises((SplitError, SceneNotFoundError), match=sentence):
        build_index(lake, lake.catalog(), rule)


def test_no_scene_is_one_sentence(lake: Lake) -> None:
    with pytest.raises(SplitError, match="a patch index needs at least one scene"):
        build_index(lake, [], RULE)


@pytest.mark.slow
def test_the_lake_stays_whole(lake: Lake, raw_train: list[Path]) -> None:
    digest = lake.digest
    build_index(lake, lake.catalog(), RULE)
    assert verify_lake(lake, deep=False, on_scene=lambda _: None) == ()
    assert Lake.open(lake.url).digest == digest
    recipe = Recipe(ratios=(2,))
    rebuilt = Lake.create(lake.url, recipe.to_lake(), rebuild=True)
    publish(rebuilt, [convert_scene(str(path), recipe, rebuilt, "train") for path in raw_train[:2]], SplitOptions())
    shown = Lake.open(lake.url)
    build_index(shown, shown.catalog(), RULE)
    assert Path(lake.index_url).is_dir()
    assert shown.index_url != lake.index_url
    prune(shown)
    assert not Path(lake.index_url).exists()
    assert Path(shown.index_url).is_dir()
