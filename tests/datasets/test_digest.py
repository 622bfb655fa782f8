"""Digests are on record in lakes and trackers: neither spelling may ever change."""

from datasets.digest import digest_of
from datasets.patches.patch_rules import PatchRule
from ingest.recipe import Recipe


def test_both_spellings_are_as_they_always_were() -> None:
    assert digest_of({"b": [1, 2.5], "a": None}) == digest_of({"a": None, "b": [1, 2.5]}) == "6b1d84977084"
    assert digest_of({"b": [1, 2.5], "a": None}, compact=True) == "e57f5d378654"
    assert Recipe(ratios=(1, 2, 5, 10)).digest == "da0c18c87f66"
    assert PatchRule(ratio=10, patch_size=64).digest == "90d01dd7ba99"
