"""Smooth fields against SciPy's own splines, and label maps that only gain pixels."""

import numpy as np
from scipy import ndimage

from ingest.sample.smooth_fields import SmoothField, enlarged_labels, white_noise


def test_a_field_is_the_spline_of_its_coefficients() -> None:
    coefficients = np.random.default_rng(0).standard_normal((7, 9), dtype=np.float32)
    shape = (50, 81)
    places = [(np.arange(fine) + 0.5) * coarse / fine - 0.5 for fine, coarse in zip(shape, (7, 9), strict=True)]
    wanted = ndimage.map_coordinates(
        coefficients, np.meshgrid(*places, indexing="ij"), order=3, mode="nearest", prefilter=False
    )
    field = SmoothField(coefficients, shape)
    np.testing.assert_allclose(field.strip(), wanted, atol=1e-5)
    np.testing.assert_allclose(field.strip(13, 29), wanted[13:29], atol=1e-5)


def test_white_noise_has_unit_variance() -> None:
    noise = white_noise(np.random.default_rng(1), (600, 600), 5.0).strip()
    assert abs(noise.mean()) < 0.05
    assert 0.9 < noise.std() < 1.1


def test_enlarged_labels_keep_their_places() -> None:
    labels = np.zeros((20, 30), dtype=np.int16)
    labels[:, 12:] = 5  # a gap in the numbers
    labels[8:, 20:] = 2
    large = enlarged_labels(labels, (200, 330))
    assert set(np.unique(large)) == {0, 2, 5}
    assert (large[5::10, 5::11] != labels).mean() < 0.02  # only corners are rounded off
    assert (large[20, :120] == 0).all()  # straight borders stay where they were, within a coarse cell
    assert (large[20, 144:] == 5).all()
