"""Which scenes are of one orbit pass."""

from sweeps.report.passes import pass_numbers


def numbers(*scene_ids: str) -> list[int]:
    return pass_numbers(scene_ids).tolist()


def test_frames_within_minutes_are_of_one_pass_in_whatever_order_they_stand() -> None:
    assert numbers("20180325T194859_dmi", "20180721T120156_cis", "20180325T194759_dmi") == [0, 1, 0]


def test_two_charts_of_one_frame_are_of_one_pass() -> None:
    assert numbers("20180721T120156_cis", "20180721T120156_dmi") == [0, 0]


def test_a_long_strip_is_one_pass_though_its_ends_are_far_apart() -> None:
    assert numbers("20180101T235500_dmi", "20180102T001200_dmi", "20180102T002900_dmi") == [0, 0, 0]


def test_the_other_satellite_and_the_next_revolution_are_other_passes() -> None:
    assert numbers("20180101T120000_dmi", "20180101T124900_dmi", "20180101T133800_dmi") == [0, 1, 2]


def test_ids_without_a_time_are_passes_of_their_own() -> None:
    assert sorted(numbers("scene00", "scene01", "20180101T120000_dmi")) == [0, 1, 2]
    assert numbers() == []
