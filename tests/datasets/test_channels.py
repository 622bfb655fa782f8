"""The lexicon of channels."""

import pytest

from datasets.channels import CHANNELS, GROUPS, INPUTS, check_channels, group_of
from datasets.errors import UnknownNameError


def test_the_benchmark_has_16_inputs_of_every_group() -> None:
    assert len(set(INPUTS)) == 16
    assert {group_of(name) for name in INPUTS} == set(GROUPS)
    assert all(name == channel.name and channel.limits[0] < channel.limits[1] for name, channel in CHANNELS.items())


@pytest.mark.parametrize(
    ("channel", "group"),
    [
        ("sar_incidenceangle", "SAR"),
        ("sar_latitude", "geography"),
        ("distance_map", "geography"),
        ("btemp_89_0v", "AMSR2"),
        ("skt", "ERA5"),
        ("month", "time"),
    ],
)
def test_a_channel_is_of_its_instrument(channel: str, group: str) -> None:
    assert group_of(channel) == group


def test_an_unknown_channel_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'distance_map'"):
        check_channels(["t2m", "distance_mapp"])
