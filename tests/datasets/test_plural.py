"""Counts in messages."""

from datasets.plural import noun, plural


def test_only_one_is_singular() -> None:
    assert [plural(count, "scene") for count in (0, 1, 2)] == ["0 scenes", "1 scene", "2 scenes"]
    assert [plural(count, "patch", "patches") for count in (1, 2)] == ["1 patch", "2 patches"]
    assert [noun(count, "CPU") for count in (0.5, 1.0, 4.0)] == ["CPUs", "CPU", "CPUs"]
    assert [f"{count} {noun(count, 'is', 'are')} there" for count in (1, 3)] == ["1 is there", "3 are there"]
