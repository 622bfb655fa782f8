"""The studies by name."""

import pytest

from datasets.errors import UnknownNameError
from sweeps.design.catalogue import CAMPAIGN, study, study_names


def test_every_study_is_named_after_its_file() -> None:
    names = study_names()
    assert list(names) == sorted(names)
    assert "downscale" in names
    assert CAMPAIGN not in names
    assert not [name for name in names if name.startswith("_")]
    assert study("downscale").name == "downscale"


def test_an_unknown_study_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'downscale'"):
        study("downscal")
