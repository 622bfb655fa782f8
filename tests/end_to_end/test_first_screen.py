"""What a person sees without a click, in a real browser, at the addresses that are printed: answer, scores, curves."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sweeps.design.axes import text
from sweeps.design.experiment import Experiment
from sweeps.design.point import Point
from sweeps.downscale import EXPERIMENT
from sweeps.launch.order import Order
from sweeps.record.design import design_of
from sweeps.record.study import StudyTracker
from sweeps.report.parent_run import write_so_far
from sweeps.report.study_report import how_to_open
from sweeps.report.write import log_report, read_report
from tests.end_to_end.browser import chromium, visit
from tests.invented_studies import result, scenes
from tests.mlflow_server import MlflowServer
from training.loop.epoch import EpochRow
from training.tracking.mlflow_client import RUN_NAME
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.server import run_address

pytestmark = pytest.mark.slow

STUDY = EXPERIMENT.of_task("pixel").only(["data.ratio=5,10"]).with_seeds(2)


def order_of(trial: Point, study: StudyTracker) -> Order:
    return Order(
        spec=trial.spec,
        labels={axis: text(value) for axis, value in trial.labels.items()},
        lake="lake",
        tracking_uri=study.tracking_uri,
        study=study.study,
        parent_run=study.run_id,
        storage="storage",
    )


def leave(study: StudyTracker, trial: Point, folder: Path) -> None:
    """What a trial of three epochs leaves."""
    order = order_of(trial, study)
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id, outbox=folder / "outbox")
    tracker.start(order.spec, {**order.tags, RUN_NAME: order.run_name})
    for epoch in range(3):
        row = EpochRow(**{**dict.fromkeys(EpochRow.model_fields, 0.5 / (epoch + 1)), "epoch": epoch})
        tracker.log_metrics(row.metrics(), epoch)
    found = result(scenes(8), 0.7 + trial.spec.data.ratio / 100, trial.spec.seed, trial_id=trial.trial_id)
    tracker.log_metrics(found.metrics)
    path = folder / "result.json"
    path.write_text(found.model_dump_json(), encoding="utf-8")
    tracker.log_file(path)
    tracker.finish("FINISHED")


def opened(server: MlflowServer, experiment: Experiment) -> StudyTracker:
    return StudyTracker.open(
        server.uri,
        study=experiment.name,
        lake="lake1",
        question=experiment.question,
        design=design_of(experiment),
        lake_url="lake",
        settings={"data.patch_size": "256"},
    )


def address_in(said: str) -> str:
    """As a person copies it from a terminal."""
    (found,) = re.findall(r"http\S+", said)
    return str(found)


def test_first_screens(tmp_path: Path) -> None:
    browser = chromium()
    server = MlflowServer(tmp_path)
    server.start()
    try:
        study = opened(server, STUDY)
        first, *others = STUDY.trials()
        leave(study, first, tmp_path)
        with visit(browser, tmp_path / "screen") as tab:
            page = tab.page
            page.set_viewport_size({"width": 1920, "height": 1080})  # a usual screen; MLflow opens a panel on its right
            write_so_far(study)
            page.goto(run_address(server.uri, study.experiment_id, study.run_id))
            expect(page.get_by_text("Best so far: ")).to_be_in_viewport()
            expect(page.get_by_text("test_80m/f1/r5 equal px pixel")).to_be_in_viewport()
            tab.shot("study_while_it_runs")

            for trial in others:
                leave(study, trial, tmp_path)
            study.finish("FINISHED")
            report = read_report(study)
            log_report(study, report)
            go(page, address_in(how_to_open(report.evidence)))
            answer = re.compile("^Best (by both scores )?is|best (by both scores )?is ratio")
            expect(page.get_by_text(answer).first).to_be_in_viewport()
            expect(page.get_by_text("test_80m/f1/r10 equal px pixel")).to_be_in_viewport()
            expect(page.get_by_text("About this run")).to_be_in_viewport()
            expect(page.get_by_text(re.compile(r"^0\.7\d+$")).first).to_be_in_viewport()  # of a cell
            tab.shot("study")
            page.get_by_text("Show more").first.click()
            expect(page.get_by_role("cell", name="5 (200 m)", exact=True).first).to_be_visible()
            tab.shot("description")
            link = page.get_by_role("link", name="trials", exact=True).get_attribute("href")
            assert link is not None

            go(page, f"{server.uri}/{link}" if link.startswith("#") else link)
            for trial in STUDY.trials():
                expect(page.get_by_role("link", name=order_of(trial, study).run_name)).to_be_in_viewport()
            expect(page.get_by_role("gridcell", name=re.compile(r"^0\.\d+$")).first).to_be_in_viewport()
            tab.shot("table")

            run = study.children_rows()[0].run_id
            go(page, run_address(server.uri, study.experiment_id, run))
            page.get_by_role("tab", name="Model metrics").click()
            page.wait_for_function(r"() => /zoom\s*\(\d+\)/.test(document.body.innerText)")
            tab.shot("trial")
            groups = re.findall(r"\b(test_80m|train|val|zoom)\s*\(\d+\)", page.inner_text("body"))
            assert groups == ["test_80m", "train", "val", "zoom"]
            assert tab.foreign() == []
    finally:
        server.stop()


def go(page: Page, address: str) -> None:
    """As in a new tab: MLflow does not look at an address again of which only the part after # has changed."""
    page.goto("about:blank")
    page.goto(address)
    assert "workflowType=machine_learning" in page.url
