"""Indexes of patches that no lake has."""

import numpy as np
from hypothesis import strategies as st

from datasets.patches.patch_index import IndexedScene, PatchIndex
from datasets.patches.patch_rules import PatchRule

RULE = PatchRule(ratio=2, patch_size=8, stride=3)

labels = st.lists(st.sampled_from([0, 2, 2, 2, 5]), min_size=1, max_size=40)


def index_of(labels: list[int], scenes: int = 3) -> PatchIndex:
    scene = np.sort(np.arange(len(labels)) % scenes).astype(np.int32)
    rows = [
        IndexedScene(
            scene_id=f"scene_{place}", fingerprint=f"f{place}", windows=99, pure=50, clear=50,
            patches=int((scene == place).sum()),
        )
        for place in range(scenes)
    ]  # fmt: skip
    return PatchIndex(
        rule=RULE,
        scenes=tuple(rows),
        scene=scene,
        line=np.arange(len(labels), dtype=np.int32),
        sample=np.arange(len(labels), dtype=np.int32) * 2,
        label=np.array(labels, np.uint8),
    )


def identical(one: PatchIndex, other: PatchIndex) -> bool:
    for name in ("scene", "line", "sample", "label"):
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine.dtype != theirs.dtype or not np.array_equal(mine, theirs):
            return False
    return (one.rule, one.scenes) == (other.rule, other.scenes)
