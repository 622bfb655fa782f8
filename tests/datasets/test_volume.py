"""Bytes of a lake, against what is on the disk and in the cache."""

from pathlib import Path

import pytest

from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from datasets.volume import LakeVolume


def test_pixels_and_bytes_are_those_of_the_lake(tiny_lake: Lake) -> None:
    volume = LakeVolume.of(tiny_lake.url)
    catalog = tiny_lake.catalog()
    assert volume.scenes == {split: len(catalog.split(split)) for split in ("train", "val", "test")}  # type: ignore[arg-type]
    assert volume.ratios == tiny_lake.ratios
    for ratio in volume.ratios:
        shown = [row.scene_id for row in catalog if row.split != "unused"]
        on_disk = sum(
            path.stat().st_size
            for name in shown
            for path in Path(tiny_lake.scene_url(name), f"r{ratio}").rglob("*")
            if path.is_file()
        )
        assert volume.stored_bytes(ratio) == on_disk, "of a lake this small every scene is looked at"
    pixels = sum((row.lines // 10) * (row.samples // 10) for row in catalog if row.split != "unused")
    assert volume.decoded_bytes(10) == pytest.approx(6 * pixels, rel=0.05), "two of int16, zones, one chart"
    assert volume.stored_bytes(3) == 0


def test_a_place_without_a_lake_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(LakeNotFoundError, match="is not a lake"):
        LakeVolume.of(str(tmp_path))
    (tmp_path / "recipe.json").write_text('{"format": 2, "recipe": {"ratios": [2]}}')
    with pytest.raises(LakeNotFoundError, match="has no catalog yet"):
        LakeVolume.of(str(tmp_path))
