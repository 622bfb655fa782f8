"""Published means and standard deviations, there and back."""

import numpy as np
import pytest

from datasets.channels import CHANNELS
from ingest.errors import RawSceneError
from ingest.standardization import MEAN_STD, check_incidence, check_zones, physical
from tests.ingest.forms import standardized


def test_every_channel_of_the_product_has_its_scaling() -> None:
    computed_by_us = {"sar_latitude", "sar_longitude", "month"}
    assert set(MEAN_STD) == set(CHANNELS) - computed_by_us


@pytest.mark.parametrize("name", sorted(MEAN_STD))
def test_there_and_back(name: str) -> None:
    low, high = CHANNELS[name].limits
    values = np.array([low, (low + high) / 2, high, np.nan], np.float32)
    back = physical(name, standardized(name, values))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, values, rtol=1e-5, atol=1e-5)


def test_the_published_example() -> None:
    """t2m of 20180124T194759_dmi: mean 271.290 K raw, 0.28132 ready to train."""
    np.testing.assert_allclose(physical("t2m", np.array([0.28132], np.float32)), 271.290, atol=1e-3)


def test_zones_may_be_means_of_four_pixels() -> None:
    check_zones(np.array([0, 41, 12.25, 3.5, 7.009, np.nan], np.float32), "file")
    for wrong in (12.1, -1.0, 42.0):
        with pytest.raises(RawSceneError, match=r"distance_map of 'file' is not made of zones 0 to 41 .*100% of"):
            check_zones(np.array([wrong], np.float32), "file")


def test_incidence_is_that_of_a_swath() -> None:
    check_incidence(np.array([19.1, 46.7, np.nan], np.float32), "file")
    with pytest.raises(RawSceneError, match=r"runs from 9.0 to 46.7 degrees .* possible are 15 to 50"):
        check_incidence(np.array([9.0, 46.7], np.float32), "file")
