"""The result: JSON, table, picture, ranks."""

import csv
from pathlib import Path

import pytest

from datasets.channels import GROUPS, INPUTS, group_of
from datasets.errors import UnknownNameError
from datasets.labels import SOD
from training.attribution.features import Features
from training.attribution.figure import attribution_figure
from training.attribution.files import attribution_metrics, log_attribution, refuse_existing, write_result
from training.attribution.result import AttributionResult, AttributionRow, CompletenessRow, rank_channels
from training.attribution.settings import AttributionError, AttributionSettings, class_numbers
from training.tracking.tracker import MemoryTracker

FEATURES = Features.of(INPUTS)


def result_of(**changes: object) -> AttributionResult:
    """Water decides by t2m then month; old ice, with logits a hundred times as large, by longitude alone."""
    values = {"open_water": {"t2m": 3.0, "month": 1.0}, "old_ice": {"sar_longitude": 400.0}}
    rows = [
        AttributionRow(
            bin="all",
            class_name=name,
            feature=feature,
            group=group_of(feature),
            is_group=False,
            signed=-own.get(feature, 0.0),
            absolute=own.get(feature, 0.0),
            n=1234,
        )
        for name, own in values.items()
        for feature in INPUTS
    ]
    groups = [
        row.model_copy(update={"feature": row.group, "is_group": True})
        for row in rows
        if row.feature in ("t2m", "month")
    ]
    completeness = [
        CompletenessRow(bin="all", class_name=name, n=1234, patches=3, change=1.0, attributed=1.0, error=error)
        for name, error in (("open_water", 0.01), ("old_ice", 0.03))
    ]
    completeness.append(completeness[0].model_copy(update={"bin": "scene/a", "error": 0.5}))
    content = {
        "trial_id": "abc", "seed": 7, "model": "unet", "task": "pixel", "target": "SOD",
        "settings": AttributionSettings(), "lake": "d",
        "channels": INPUTS, "classes": SOD.classes, "scenes": 2, "sampled": False,
        "rows": tuple(rows + groups), "completeness": tuple(completeness), "seconds": 1.0, "versions": {"torch": "2"},
    }  # fmt: skip
    return AttributionResult.model_validate({**content, **changes})


def test_json_reads_back() -> None:
    result = result_of()
    assert AttributionResult.from_json(result.to_json()) == result
    assert result.method == "integrated_gradients"
    assert result.completeness_error == 0.03, "of all scenes; a scene alone may be worse"
    assert result_of(completeness=()).completeness_error is None


@pytest.mark.parametrize("text", ["no json", "{}", '{"trial_id": 3}'])
def test_what_is_no_result_is_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(AttributionError, match=r"this is no attribution result .*give the JSON"):
        AttributionResult.from_json(text)
    with pytest.raises(AttributionError, match=r"there is no attribution result .*give the JSON"):
        AttributionResult.from_file(tmp_path / "nothing.json")
    (tmp_path / "r.json").write_text(result_of().to_json())
    assert AttributionResult.from_file(tmp_path / "r.json") == result_of()


def test_the_table_has_a_row_a_feature() -> None:
    result = result_of()
    rows = list(csv.DictReader(result.to_csv().splitlines()))
    assert len(rows) == len(result.rows)
    row = next(each for each in rows if each["feature"] == "t2m" and each["class_name"] == "open_water")
    assert (row["trial_id"], row["method"], row["group"], row["is_group"]) == (
        "abc", "integrated_gradients", "ERA5", "False",
    )  # fmt: skip
    assert (float(row["signed"]), float(row["absolute"]), row["n"]) == (-3.0, 3.0, "1234")


def test_ranks_count_every_class_alike() -> None:
    result = result_of()
    ranks = rank_channels(result)
    assert [(rank.feature, rank.share) for rank in ranks[:3]] == [
        ("sar_longitude", 0.5), ("t2m", 0.375), ("month", 0.125),
    ]  # fmt: skip
    assert len(ranks) == len(INPUTS)
    assert [rank.feature for rank in ranks[3:5]] == ["nersc_sar_primary", "nersc_sar_secondary"], "in order of inputs"
    assert rank_channels(result, class_name="open_water")[0].share == 0.75
    assert [rank.feature for rank in rank_channels(result, class_name="open_water", groups=True)] == ["ERA5", "time"]
    assert rank_channels(result, class_name="new_ice") == (), "no pixel"


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown class 'old_ise'.*did you mean 'old_ice'"):
        rank_channels(result_of(), class_name="old_ise")
    with pytest.raises(UnknownNameError, match=r"unknown bin 'al'.*did you mean 'all'"):
        rank_channels(result_of(), bin_name="al")
    with pytest.raises(UnknownNameError, match=r"unknown attribution method 'integrated_gradient'.*did you mean"):
        AttributionSettings.of(method="integrated_gradient")
    with pytest.raises(UnknownNameError, match=r"unknown split 'tests'.*did you mean 'test'"):
        AttributionSettings.of(split="tests")
    with pytest.raises(UnknownNameError, match="unknown baseline 'zero'"):
        AttributionSettings.of(baseline="zero")
    with pytest.raises(UnknownNameError, match=r"unknown class 'oldice'.*did you mean 'old_ice'"):
        class_numbers(SOD.classes, ("open_water", "oldice"))
    with pytest.raises(AttributionError, match=r"steps = 0 is not allowed for an attribution: .*correct it"):
        AttributionSettings.of(steps=0)
    assert class_numbers(SOD.classes, ("old_ice", "open_water")) == (0, 5)


def test_groups_are_those_of_the_instruments() -> None:
    assert FEATURES.groups == GROUPS
    members = {
        group: [INPUTS[place] for place in FEATURES.members(len(INPUTS) + number)]
        for number, group in enumerate(GROUPS)
    }
    assert members == {
        "SAR": ["nersc_sar_primary", "nersc_sar_secondary", "sar_incidenceangle"],
        "geography": ["distance_map", "sar_latitude", "sar_longitude"],
        "AMSR2": ["btemp_18_7h", "btemp_18_7v", "btemp_36_5h", "btemp_36_5v"],
        "ERA5": ["u10m_rotated", "v10m_rotated", "t2m", "tcwv", "tclw"],
        "time": ["month"],
    }
    matrix = FEATURES.sums_over_channels()
    assert matrix.shape == (16, 21)
    assert matrix[:, 16:].sum(axis=0).tolist() == [3, 3, 4, 5, 1]
    assert len(Features.of(INPUTS, groups=False)) == 16


def test_files_are_not_replaced_unasked(tmp_path: Path) -> None:
    paths = write_result(result_of(), tmp_path / "new")
    assert [path.name for path in paths] == [f"integrated_gradients.{kind}" for kind in ("json", "csv", "png")]
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    with pytest.raises(AttributionError, match=r"integrated_gradients.json' exists: give --overwrite .*or another"):
        write_result(result_of(), tmp_path / "new")
    write_result(result_of(seconds=2.0), tmp_path / "new", overwrite=True)
    assert AttributionResult.from_file(paths[0]).seconds == 2.0
    refuse_existing([tmp_path / "other"], overwrite=False)


def test_the_picture_has_a_panel_a_class_with_pixels() -> None:
    figure = attribution_figure(result_of())
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["open water (1,234 px)", "old ice (1,234 px)"]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert sorted(widths)[-2:] == [25.0, 75.0], "in percent of the class"
    assert len(figure.axes[0].get_yticklabels()) == len(INPUTS)
    empty = attribution_figure(result_of(), bin_name="season/winter")
    assert not empty.axes


def test_a_tracker_is_told(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    log_attribution(result_of(), tracker, write_result(result_of(), tmp_path))
    ((step, metrics),) = tracker.metrics
    assert step is None
    assert metrics == attribution_metrics(result_of())
    assert metrics["attribution/integrated_gradients/open_water/t2m/absolute"] == 3.0
    assert metrics["attribution/integrated_gradients/open_water/t2m/signed"] == -3.0
    assert metrics["attribution/integrated_gradients/completeness_error"] == 0.03
    assert tracker.files == [f"attribution/integrated_gradients.{kind}" for kind in ("json", "csv", "png")]
