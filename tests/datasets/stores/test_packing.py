"""Physical values as small whole numbers: exact for multiples of the step, the same for plain xarray."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import PackingError
from datasets.stores.packing import Packing
from datasets.stores.scene_store import SceneStore
from datasets.stores.scene_writer import SceneWriter

SAR = Packing(dtype="int16", scale=2.0**-5)
ZONES = Packing(dtype="uint8", scale=0.25)
BORDER = Packing(dtype="uint16", scale=16.0)
ROUNDED = Packing(dtype="int16", scale=5 / 256)


def unpacked(packing: Packing, stored: np.ndarray) -> np.ndarray:
    out = np.empty(stored.shape, np.float32)
    packing.unpack(stored, out)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("packing", [SAR, ZONES, BORDER, ROUNDED])
@given(data=st.data())
def test_multiples_of_the_step_come_back_the_same(packing: Packing, data: st.DataObject) -> None:
    low, high = (round(limit / packing.scale) for limit in packing.limits)
    numbers = data.draw(st.lists(st.one_of(st.none(), st.integers(low, high)), max_size=40))
    values = np.array([np.nan if n is None else n * packing.scale for n in numbers], np.float32)
    stored = packing.pack(values, what="test")
    assert stored.dtype == packing.dtype
    np.testing.assert_array_equal(unpacked(packing, stored), values)
    assert [number is None for number in numbers] == (stored == packing.fill).tolist()


def test_other_values_are_rounded_by_half_a_step() -> None:
    values = np.linspace(-80, 40, 9999, dtype=np.float32)
    found = unpacked(SAR, SAR.pack(values, what="test"))
    assert np.abs(found - values).max() <= SAR.scale / 2


def test_no_data_in_some_of_many_values_stays_no_data() -> None:
    values = np.linspace(-80, 40, 200_000, dtype=np.float32)
    values[150_000:150_003] = np.nan
    stored = SAR.pack(values, what="test")
    assert np.flatnonzero(stored == SAR.fill).tolist() == [150_000, 150_001, 150_002]
    whole = np.delete(values, [150_000, 150_001, 150_002])
    np.testing.assert_array_equal(np.delete(stored, [150_000, 150_001, 150_002]), SAR.pack(whole, what="test"))


@pytest.mark.parametrize(("packing", "value"), [(SAR, -1024.0), (SAR, 1025.0), (ZONES, -0.3), (ZONES, 64.0)])
def test_what_does_not_fit_is_refused_and_never_wraps(packing: Packing, value: float) -> None:
    values = np.full((70_000,), 1.0, np.float32)
    values[-1] = value
    with pytest.raises(PackingError, match=r"r2/hh has values from .* holds"):
        packing.pack(values, what="r2/hh")


def test_windows_of_a_packed_array_are_what_plain_xarray_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = (rng.integers(-1000, 1000, (700, 600)) * SAR.scale).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[:512, :512] = np.nan  # a chunk that is not stored
    url = str(tmp_path / "s.zarr")
    with SceneWriter(url) as writer:
        packed, attributes = SAR.pack(values, what="hh"), {"units": "dB", **SAR.attributes()}
        writer.array("r2", "hh", packed, dims=("line", "sample"), fill=SAR.fill, attributes=attributes)
        writer.finish(attributes={"record": {}}, groups={"r2": {}})
    opened = xr.open_zarr(url, group="r2", consolidated=False).hh
    np.testing.assert_array_equal(opened.values, values)
    assert SceneStore(url).dataset("r2").hh.dtype == np.float32
    store, window = SceneStore(url), (slice(500, 640), slice(7, 590))
    np.testing.assert_array_equal(store.read("r2", "hh", window), values[window])
    given = np.zeros((140, 583), np.float32)
    store.read_many({"r2/hh": window}, out={"r2/hh": given})
    np.testing.assert_array_equal(given, values[window])
    stored = store.read_many({"r2/hh": window}, packed=True)["r2/hh"]
    assert stored.dtype == np.int16
    np.testing.assert_array_equal(unpacked(SAR, stored), values[window])
