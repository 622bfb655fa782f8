"""What no instrument measures is no data."""

import numpy as np

from ingest.plausible import drop_implausible


def test_what_is_outside_becomes_no_data_and_is_counted() -> None:
    values = np.full((300, 400), -20.0, np.float32)
    values[0, :4] = [-80.0, 40.0, np.nan, -79.9]
    values[299, 396:] = [-380.12, 41.0, -np.inf, np.inf]
    assert drop_implausible(values, (-80.0, 40.0)) == 4
    np.testing.assert_array_equal(values[0, :4], np.array([-80.0, 40.0, np.nan, -79.9], np.float32))
    assert np.isnan(values[299, 396:]).all()
    assert np.count_nonzero(np.isnan(values)) == 5
    assert drop_implausible(values, (-80.0, 40.0)) == 0, "what is no data already is not counted"
