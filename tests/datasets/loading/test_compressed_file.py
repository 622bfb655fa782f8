"""An array in compressed squares: the same numbers in every window, in less room, and checked when it is opened."""

import tempfile
import weakref
from collections.abc import Iterable, Iterator
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


def made(folder: Path, values: NDArray[Any], cuts: Iterable[int] = ()) -> CompressedArray:
    pieces = np.split(values, sorted(cuts), axis=1)
    found = cache_in(folder, 1 << 24).compressed("k", values.shape, values.dtype, lambda: iter(pieces))
    assert found is not None
    return found


@given(data=st.data(), values=st.sampled_from(KINDS))
@settings(deadline=None, max_examples=40)
def test_every_window_of_every_plane_is_that_of_the_array(data: st.DataObject, values: NDArray[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        side = 256 // values.itemsize
        found = made(Path(folder), values, data.draw(st.sets(st.sampled_from(range(side, values.shape[1], side)))))
        lines, samples = (
            slice(*sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))))
            for size in values.shape[1:]
        )
        window = found.window(lines, samples)
        assert window.dtype == values.dtype
        np.testing.assert_array_equal(window, values[:, lines, samples])
        planes = data.draw(st.permutations(range(len(values))))[: data.draw(st.integers(1, len(values)))]
        room = np.zeros((len(planes), *window.shape[1:], 2), values.dtype)
        found.read(lines, samples, room[..., 1], planes)
        np.testing.assert_array_equal(room[..., 1], window[planes])
        assert not room[..., 0].any()
        np.testing.assert_array_equal(found.window(slice(None), slice(None)), values)


def test_a_square_of_one_number_for_each_plane_takes_nothing(tmp_path: Path) -> None:
    values = np.broadcast_to(np.array([FILL, 7], np.int16)[:, None, None], SHAPE)
    found = made(tmp_path, values)
    np.testing.assert_array_equal(found.window(slice(None), slice(None)), values)
    [path] = files(tmp_path, ".squares")
    assert path.stat().st_size < 250


@pytest.mark.parametrize(("noise", "shuffle"), [(0.7, 1), (3.0, 4)])
def test_squares_are_held_by_bytes_but_where_noise_reaches_into_the_upper_ones(
    tmp_path: Path, noise: float, shuffle: int
) -> None:
    """By bytes a square is decoded several times as fast; by bits, noise of 3 dB takes a sixth less room."""
    values = np.rint(np.random.default_rng(0).normal(0, 32 * noise, (2, 128, 128))).astype(np.int16)
    made(tmp_path, values)
    [path] = files(tmp_path, ".squares")
    content = path.read_bytes()
    flags = content[content.index(b"\n") + 3]  # third byte of what Blosc writes: 1 is by bytes, 4 by bits
    assert flags & 5 == shuffle
    assert path.stat().st_size < (0.53 if noise < 1 else 0.64) * values.nbytes


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
            piece = [np.full((1, 256, 10), number, np.uint8)]
            pieces.append(weakref.ref(piece[0]))
            yield piece.pop()

    found = cache_in(tmp_path).compressed("k", (1, 1024, 10), np.dtype(np.uint8), make)
    assert found is not None
    assert found.window(slice(200, None, 1), slice(3, 4))[0, ::256].ravel().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (radar()[:, :-1], "299 lines"),
        (np.concatenate([radar(), radar()], axis=1), "600 lines"),
        (np.concatenate([radar(), radar()]), r"\(4, 300, 270\)"),
        (radar()[:, :, 1:], r"\(2, 300, 269\)"),
        (radar().astype(np.int32), r".* int32"),
    ],
)
def test_other_values_than_said_are_refused_and_leave_nothing(tmp_path: Path, values: NDArray[Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"is to hold .* and was given {said}"):
        cache_in(tmp_path, 1 << 22).compressed("k", SHAPE, np.dtype(np.int16), lambda: [values])
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


@pytest.mark.parametrize("damage", ["shorter", "longer", "header", "empty", "zeros", "earlier layout"])
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
            "earlier layout": content.replace(b"squares 2", b"squares 1", 1),
            "zeros": content[:40000] + bytes(len(content) - 40000),
        }[damage]
    )
    other = radar() + np.int16(1)
    np.testing.assert_array_equal(made(tmp_path, other).window(slice(None), slice(None)), other)


def test_a_square_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    found = made(tmp_path, radar())
    [path] = files(tmp_path, ".squares")
    with path.open("r+b") as file:
        start = file.read(200).index(b"\n") + 1
        file.seek(start)
        file.write(bytes(16))
    with pytest.raises(CacheError, match=r"squares' in the cache of decoded scenes is damaged: remove it"):
        found.window(slice(0, 9), slice(0, 9))
