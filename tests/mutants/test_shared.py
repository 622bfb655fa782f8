"""Builds what all mutants of training and sweeps share, before the first one; see `tests.mutants.__main__`."""

from datasets.lake import Lake


def test_the_lakes_are_there(tiny_lake: Lake) -> None:
    assert len(tiny_lake.catalog())
