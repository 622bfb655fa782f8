"""Windows and rules: everything against loops over pixels, and nothing read that no rule asks for."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from datasets.patches.patch_rules import PatchRule, SceneTables, pure_windows
from tests.datasets.patches.windows_by_loop import starts_by_loop

Arrays = dict[str, NDArray[np.generic]]


def scene(rng: np.random.Generator, shape: tuple[int, int], block: int) -> Arrays:
    """Blocks of one class, here and there unlabelled; distances and zones of no relation to them."""
    coarse = [-(-length // block) for length in shape]
    labels = np.kron(rng.choice([0, 1, 5, 255], coarse), np.ones((block, block)))[: shape[0], : shape[1]]
    distance = np.kron(rng.choice([80.0, 400.0, np.inf], coarse), np.ones((block, block)))[: shape[0], : shape[1]]
    zones = rng.choice([0.0, 0.4, 0.6, 1.0, 30.0], shape)
    return {
        "SOD": labels.astype(np.uint8),
        "distance_to_border": distance.astype(np.float32),
        "distance_map": zones.astype(np.float32),
    }


def by_loop(arrays: Arrays, rule: PatchRule) -> list[tuple[int, int, int]]:
    labels, size = arrays["SOD"], rule.patch_size
    found = []
    for line in starts_by_loop(labels.shape[0], size, rule.stride):
        for sample in starts_by_loop(labels.shape[1], size, rule.stride):
            window = slice(line, line + size), slice(sample, sample + size)
            classes = set(labels[window].ravel().tolist())
            near = (arrays["distance_to_border"][window] < rule.border_distance).any()
            land = int((arrays["distance_map"][window] < 0.5).sum())
            if len(classes) == 1 and 255 not in classes and not near and land / size**2 <= rule.max_land:
                found.append((line, sample, classes.pop()))
    return found


def counting(arrays: Arrays) -> tuple[Callable[[str], NDArray[np.generic]], list[str]]:
    reads: list[str] = []

    def read(name: str) -> NDArray[np.generic]:
        reads.append(name)
        return arrays[name]

    return read, reads


@given(st.data())
def test_patches_are_the_windows_that_a_loop_finds(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    shape = (data.draw(st.integers(1, 24)), data.draw(st.integers(1, 24)))
    arrays = scene(rng, shape, data.draw(st.integers(1, 12)))
    tables = SceneTables(arrays.__getitem__, "SOD")
    for _ in range(2):  # the second rule takes the tables of the first
        rule = PatchRule(
            ratio=2,
            patch_size=data.draw(st.integers(1, 10)),
            stride=data.draw(st.integers(1, 9)),
            border_distance=data.draw(st.sampled_from([0.0, 80.0, 81.0, 400.0, 1000.0])),
            max_land=data.draw(st.sampled_from([0.0, 0.29, 0.4, 0.5, 1.0])),
        )
        found = pure_windows(tables, rule)
        expected = by_loop(arrays, rule)
        assert list(zip(found.line, found.sample, found.label, strict=True)) == expected
        bare = rule.model_copy(update={"border_distance": 0.0, "max_land": 1.0})
        assert found.pure == len(by_loop(arrays, bare))
        assert found.clear == len(by_loop(arrays, rule.model_copy(update={"max_land": 1.0})))
        assert found.pure <= rule.windows(shape)
        assert [found.line.dtype, found.sample.dtype, found.label.dtype] == ["int32", "int32", "uint8"]


def test_one_pixel_of_another_class_anywhere_spoils_the_window() -> None:
    rule = PatchRule(ratio=1, patch_size=6, stride=1)
    for line in range(6):
        for sample in range(6):
            for other in (2, 255):
                labels = np.full((6, 6), 3, np.uint8)
                labels[line, sample] = other
                assert pure_windows(SceneTables({"SOD": labels}.__getitem__, "SOD"), rule).label.size == 0
    labels = np.full((6, 6), 255, np.uint8)
    assert pure_windows(SceneTables({"SOD": labels}.__getitem__, "SOD"), rule).label.size == 0


def test_last_line_and_sample_are_used() -> None:
    labels = np.full((13, 11), 255, np.uint8)
    labels[-4:, -4:] = 2
    found = pure_windows(SceneTables({"SOD": labels}.__getitem__, "SOD"), PatchRule(ratio=1, patch_size=4, stride=5))
    assert (found.line.tolist(), found.sample.tolist(), found.label.tolist()) == ([9], [7], [2])


@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (3, 3)])
def test_a_scene_smaller_than_the_patch_has_no_window(shape: tuple[int, int]) -> None:
    rule = PatchRule(ratio=1, patch_size=4, stride=2)
    found = pure_windows(SceneTables({"SOD": np.zeros(shape, np.uint8)}.__getitem__, "SOD"), rule)
    assert rule.windows(shape) == found.pure == found.label.size == 0


def test_another_rule_reads_nothing_again() -> None:
    arrays = {
        "SOD": np.zeros((30, 30), np.uint8),
        "distance_to_border": np.full((30, 30), 500, np.float32),
        "distance_map": np.ones((30, 30), np.float32),
    }
    read, reads = counting(arrays)
    tables = SceneTables(read, "SOD")
    pure_windows(tables, PatchRule(ratio=1, patch_size=4, stride=2))
    assert reads == ["SOD"]
    for size in (3, 8):
        pure_windows(tables, PatchRule(ratio=1, patch_size=size, stride=3, border_distance=400, max_land=0.1))
        assert reads == ["SOD", "distance_to_border", "distance_map"]
    pure_windows(tables, PatchRule(ratio=1, patch_size=8, border_distance=800, max_land=0.5))
    assert reads[3:] == ["distance_to_border"]


def test_what_no_window_is_left_for_is_not_read() -> None:
    read, reads = counting({"SOD": np.full((30, 30), 255, np.uint8)})
    found = pure_windows(SceneTables(read, "SOD"), PatchRule(ratio=1, patch_size=4, border_distance=400, max_land=0))
    assert (found.pure, found.clear, reads) == (0, 0, ["SOD"])


def test_digest_is_of_every_field() -> None:
    rule = PatchRule(ratio=2, patch_size=224)
    assert len(rule.digest) == 12
    assert rule.digest == PatchRule(ratio=2, patch_size=224, target="SOD", border_distance=0).digest
    changes: list[dict[str, object]] = [
        {"ratio": 5}, {"patch_size": 256}, {"target": "SIC"}, {"stride": 50}, {"border_distance": 800.0},
        {"max_land": 0.5},
    ]  # fmt: skip
    digests = {PatchRule.model_validate({**rule.model_dump(), **change}).digest for change in changes}
    assert len({rule.digest, *digests}) == len(changes) + 1


def test_rules_outside_what_is_allowed_are_refused() -> None:
    for change in ({"stride": 0}, {"patch_size": 0}, {"max_land": 1.1}, {"border_distance": -1}, {"size": 3}):
        with pytest.raises(ValidationError):
            PatchRule.model_validate({"ratio": 2, "patch_size": 8, **change})
    with pytest.raises(ValidationError, match="did you mean 'SOD'"):
        PatchRule(ratio=2, patch_size=8, target="SOB")


@pytest.mark.parametrize(("land", "patches"), [(29, 1), (30, 0)])
def test_a_share_of_land_that_is_just_allowed(land: int, patches: int) -> None:
    zones = np.ones(100, np.float32)
    zones[:land] = 0
    arrays = {"SOD": np.zeros((10, 10), np.uint8), "distance_map": zones.reshape(10, 10)}
    rule = PatchRule(ratio=1, patch_size=10, max_land=0.29)
    assert pure_windows(SceneTables(arrays.__getitem__, "SOD"), rule).label.size == patches
