"""The report of attributions: words, files, figures."""

import pytest

from sweeps.report.campaign_page import campaign_page
from sweeps.report.importance import Importance
from sweeps.report.importance_report import importance_report
from sweeps.report.study_report import Report
from tests.sweeps.report.explained_networks import invented
from training.attribution.settings import METHODS


@pytest.fixture(scope="module")
def report() -> Report:
    return importance_report(*invented(2, METHODS[:2]))


@pytest.mark.slow
def test_one_seed_has_no_spread() -> None:
    evidence, results = invented(1, METHODS[:1])
    single = Importance(evidence=evidence, results=results, problems={})
    assert single.spreads["share_spread"].isna().all()
    said = importance_report(evidence, results)
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
