"""A rule of patches, and the index of a lake as files and rows."""

from pathlib import Path

from datasets.lake import Lake
from datasets.patches.patch_rules import PatchRule

RULE = PatchRule(ratio=2, patch_size=24, stride=10)


def files(lake: Lake, rule: PatchRule = RULE) -> dict[str, bytes]:
    folder = Path(lake.index_url) / rule.digest
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
