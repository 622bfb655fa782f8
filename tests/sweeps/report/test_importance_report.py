"""The report of attributions: words, files, figures, and tables by group, by channel, by season and location."""

import pytest

from sweeps.report.campaign_page import campaign_page
from sweeps.report.importance import MEAN, Importance, bin_label, method_label
from sweeps.report.importance_report import channels_tables, importance_bins_table, importance_report, importance_table
from sweeps.report.study_report import Report
from tests.sweeps.report.explained_networks import invented
from training.attribution.settings import METHODS


@pytest.fixture(scope="module")
def report() -> Report:
    return importance_report(*invented(2, METHODS[:2]), {})


@pytest.mark.slow
def test_one_seed_has_no_spread() -> None:
    evidence, results = invented(1, METHODS[:1])
    single = Importance(evidence=evidence, results=results, problems={})
    assert single.spreads["share_spread"].isna().all()
    said = importance_report(evidence, results, {})
    assert any("no spread" in sentence for sentence in said.warnings)
    assert "±" not in "".join(cell for row in said.scores.rows for cell in row)


@pytest.mark.slow
def test_report_names_the_first_channel_and_whether_methods_agree(report: Report) -> None:
    assert len(report.answers) == 2
    assert report.answers[0].startswith("unet (pixel-based) decides most by longitude (")
    assert "it is first for 2 of 2 methods; orders of channels by two methods correlate by 0." in report.answers[0]
    assert report.warnings == ()


def test_files_and_figures(report: Report) -> None:
    assert set(report.texts()) == {"report.html", "table.csv", "bins.csv", "trials.csv", "table.md", "table.tex"}
    names = {picture.name for picture in report.pictures}
    assert {"channels_pixel_unet", "bins_patch_resnet50", "classes_patch_resnet50_feature_ablation"} <= names
    assert len(names) == len(report.pictures) == 2 + 4 + 2
    assert "| unet | Feature ablation |" in report.texts()["table.md"]
    assert report.gpu_hours == 4.0
    page = campaign_page([report], "sqlite:///m.db")
    assert "unet (pixel-based) decides most by longitude" in page
    assert page.count("data:image/png") == len(report.highlights) == 2


def test_no_result_yet_and_one_that_cannot_be_read() -> None:
    evidence, results = invented(1, METHODS[:1])
    nothing = importance_report(evidence, {}, {run_id: "there is no file" for run_id in list(results)[:1]})
    assert nothing.answers == ("No attribution has finished: there is nothing to tell yet.",)
    assert "The result of run unet-integrated_gradients-0 could not be read: there is no file." in nothing.warnings
    assert nothing.html()


@pytest.fixture(scope="module")
def importance() -> Importance:
    evidence, results = invented(2, METHODS[:2])
    return Importance(evidence=evidence, results=results, problems={})


def test_a_row_is_a_network_and_a_method_and_groups_add_up(importance: Importance) -> None:
    table = importance_table(importance)
    assert table.header == ("task", "network", "method", "SAR", "geography", "AMSR2", "ERA5", "time", "seeds")
    assert [row[:3] for row in table.rows] == [
        (task, network, method_label(method))
        for task, network in (("pixel-based", "unet"), ("patch-based", "resnet50"))
        for method in METHODS[:2]
    ]
    for row in table.rows:
        assert sum(float(cell.split(" ± ")[0]) for cell in row[3:-1]) == pytest.approx(100, abs=0.3)
        assert row[-1] == "2"
    assert "bin" not in table.numbers.columns
    assert MEAN in set(table.numbers["class"])


def test_bins_have_their_own_table(importance: Importance) -> None:
    table = importance_bins_table(importance)
    assert table is not None
    assert list(dict.fromkeys(row[3] for row in table.rows)) == ["winter", "summer", "cat1", "melt"]
    assert "all" not in set(table.numbers["bin"])
    assert (bin_label("all"), bin_label("season/winter")) == ("all scenes", "winter")


def test_every_network_has_a_table_of_its_channels(importance: Importance) -> None:
    first, second = channels_tables(importance)
    assert (first.name, second.name) == ("channels_pixel_unet", "channels_patch_resnet50")
    assert first.header == ("channel", "group", *map(method_label, METHODS[:2]))
    shares = {row[0]: float(row[2].split(" ± ")[0]) for row in first.rows}
    assert max(shares, key=shares.__getitem__) == "longitude"
    assert sum(shares.values()) == pytest.approx(100, abs=1)


def test_methods_are_named_as_people_do() -> None:
    assert [method_label(name) for name in ("gradient_shap", "deeplift", "feature_ablation")] == [
        "Gradient SHAP",
        "DeepLIFT",
        "Feature ablation",
    ]
