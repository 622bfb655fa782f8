"""An array in compressed squares: the same numbers in every window, in less room, and checked when it is opened."""

import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datasets.errors import CacheError
from datasets.loading.compressed_file import CompressedArray, CompressedFile
from tests.datasets.loading.cached_arrays import cache_in, files, never

SHAPE = (2, 300, 270)
FILL = -32768


def radar(shape: tuple[int, ...] = SHAPE) -> NDArray[np.int16]:
    """Speckle of 0.7 dB around two levels in steps of 1/32 dB, with an edge of no data."""
    rng = np.random.default_rng(0)
    values = np.rint(32 * (rng.normal(0, 0.7, shape) - 15)).astype(np.int16)
    values[1] -= 300
    values[:, :, -30:] = FILL
    return values


def extremes() -> NDArray[np.int16]:
    return np.random.default_rng(1).integers(-32768, 32768, SHAPE).astype(np.int16)


def charts() -> NDArray[np.uint8]:
    values = np.full((1, 600, 530), 255, np.uint8)
    values[:, 100:500, 7:300] = 3
    return values


def polygons() -> NDArray[np.uint16]:
    return np.random.default_rng(2).choice(np.array([0, 7, 65535], np.uint16), SHAPE)


KINDS = (radar(), extremes(), charts(), polygons())


def made(folder: Path, values: NDArray[Any], cuts: tuple[int, ...] = ()) -> CompressedArray:
    pieces = np.split(values.reshape(-1), sorted(cuts))
    found = cache_in(folder, 1 << 24).compressed("k", values.shape, values.dtype, lambda: iter(pieces))
    assert found is not None
    return found


@given(data=st.data(), values=st.sampled_from(KINDS))
@settings(deadline=None, max_examples=40)
def test_every_window_of_every_plane_is_that_of_the_array(data: st.DataObject, values: NDArray[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = made(Path(folder), values, tuple(data.draw(st.lists(st.integers(0, values.size), max_size=5))))
        for plane in range(len(values)):
            lines, samples = (
                slice(*sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))))
                for size in values.shape[1:]
            )
            window = found.window(plane, lines, samples)
            assert window.dtype == values.dtype
            np.testing.assert_array_equal(window, values[plane, lines, samples])
            room = np.zeros((*window.shape, 2), values.dtype)
            found.read(plane, lines, samples, room[..., 1])
            np.testing.assert_array_equal(room[..., 1], window)
            assert not room[..., 0].any()
        np.testing.assert_array_equal(found.window(0, slice(None), slice(None)), values[0])


def test_speckle_takes_little_more_than_half_and_charts_next_to_nothing(tmp_path: Path) -> None:
    for values, most in ((radar(), 0.57), (charts(), 0.05)):
        made(tmp_path / values.dtype.name, values)
        [path] = files(tmp_path / values.dtype.name, ".squares")
        assert path.stat().st_size < most * values.nbytes


def test_room_is_counted_by_what_a_file_takes_and_never_too_little(tmp_path: Path) -> None:
    values = extremes()
    made(tmp_path, values)
    [path] = files(tmp_path, ".squares")
    most = CompressedFile(path, values.shape, values.dtype).length
    assert path.stat().st_size <= most < 1.01 * values.nbytes
    assert cache_in(tmp_path).used_bytes() == path.stat().st_size
    assert cache_in(tmp_path, most - 1).compressed("other", values.shape, values.dtype, lambda: [never()]) is None


def test_of_an_array_that_is_made_in_pieces_one_is_held_at_a_time(tmp_path: Path) -> None:
    pieces: list[weakref.ref[NDArray[Any]]] = []

    def make() -> Iterator[NDArray[Any]]:
        for number in range(4):
            assert not any(piece() is not None for piece in pieces)
            piece = [np.full((1, 100, 10), number, np.uint8)]
            pieces.append(weakref.ref(piece[0]))
            yield piece.pop()

    found = cache_in(tmp_path).compressed("k", (4, 100, 10), np.dtype(np.uint8), make)
    assert found is not None
    assert [found.window(plane, slice(9, 10), slice(3, 4)).item() for plane in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (radar()[:, :-1], "too few values"),
        (np.concatenate([radar(), radar()]), "more values"),
        (radar().astype(np.int32), "int32"),
    ],
)
def test_other_values_than_said_are_refused_and_leave_nothing(tmp_path: Path, values: NDArray[Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"is to hold .* and was given {said}"):
        cache_in(tmp_path, 1 << 22).compressed("k", SHAPE, np.dtype(np.int16), lambda: [values])
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


@pytest.mark.parametrize("damage", ["shorter", "longer", "header", "empty", "zeros"])
def test_a_torn_file_is_found_and_built_again(tmp_path: Path, damage: str) -> None:
    made(tmp_path, radar())
    [path] = files(tmp_path, ".squares")
    content = path.read_bytes()
    path.write_bytes(
        {
            "shorter": content[:-1],
            "longer": content + b"0",
            "header": b"x" + content[1:],
            "empty": b"",
            "zeros": content[:40000] + bytes(len(content) - 40000),
        }[damage]
    )
    other = radar() + np.int16(1)
    np.testing.assert_array_equal(made(tmp_path, other).window(1, slice(None), slice(None)), other[1])


def test_a_square_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    found = made(tmp_path, radar())
    [path] = files(tmp_path, ".squares")
    with path.open("r+b") as file:
        start = file.read(200).index(b"\n") + 1
        file.seek(start)
        file.write(bytes(16))
    with pytest.raises(CacheError, match=r"squares' in the cache of decoded scenes is damaged: remove it"):
        found.window(0, slice(0, 9), slice(0, 9))
