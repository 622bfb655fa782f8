"""Windows cut into pieces of chunks, and the index of a shard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.stores.shard_layout import (
    ABSENT,
    ShardedArray,
    bounds_of,
    cut,
    decode_index,
    empty_index,
    encode_index,
    layout_of,
)

SHARD, CHUNK = (6, 8), (3, 4)
ARRAY = ShardedArray(key="r1/x", shape=(14, 19), shard=SHARD, chunk=CHUNK, dtype=np.dtype("<f4"), fill=0)


@given(st.integers(0, 14), st.integers(0, 14), st.integers(0, 19), st.integers(0, 19))
def test_pieces_are_every_pixel_of_the_window_once(top: int, bottom: int, left: int, right: int) -> None:
    whole = np.arange(14 * 19).reshape(14, 19)
    padded = np.full((18, 24), -1)
    padded[:14, :19] = whole
    window = (slice(top, bottom), slice(left, right))
    found = np.full(whole[window].shape, -1)
    for shard, pieces in cut(SHARD, CHUNK, bounds_of(whole.shape, window)):
        for piece in pieces:
            line, sample = (s * S + c * C for s, S, c, C in zip(shard, SHARD, piece.chunk, CHUNK, strict=True))
            assert (found[piece.target] == -1).all()
            found[piece.target] = padded[line : line + CHUNK[0], sample : sample + CHUNK[1]][piece.source]
    np.testing.assert_array_equal(found, whole[window])


def test_axes_that_are_left_out_are_whole_and_a_step_is_refused() -> None:
    assert bounds_of((14, 19), (slice(-3, None),)) == ((11, 14), (0, 19))
    with pytest.raises(AssertionError, match="step 2"):
        bounds_of((14,), (slice(0, 9, 2),))


def test_an_index_reads_back_unless_a_bit_of_it_changed() -> None:
    index = empty_index(ARRAY.grid)
    assert (index == ABSENT).all()
    index[1, 0] = (0, 99)
    content = encode_index(index)
    assert len(content) == ARRAY.index_bytes
    found = decode_index(b"chunks before it" + content, ARRAY)
    assert found is not None
    np.testing.assert_array_equal(found, index)
    assert decode_index(bytes([content[0] ^ 1]) + content[1:], ARRAY) is None


def test_what_is_laid_out_in_another_way_is_not_taken() -> None:
    assert layout_of("r1/x", {"shape": (3, 4), "data_type": "float32"}, 0) is None
