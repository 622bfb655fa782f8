"""The three things that people do, on one machine: submit a study, look at it in MLflow, read the lake with xarray."""

import hashlib
import json
import socket
import subprocess
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from mlflow import MlflowClient
from mlflow.entities import Run
from playwright.sync_api import expect

from datasets.lake import Lake
from tests.end_to_end.browser import Visit, chromium, visit
from tests.end_to_end.ray_head import BIN, ROOT, RayHead, base_environment
from tests.mlflow_server import MlflowServer
from tests.object_store import ObjectStore
from tests.offspring import wait_until_gone, watched_offspring

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LAKE = "s3://lake/lake"
EXPERIMENT = "downscale-smoke"
READ = """
import hashlib, json, sys
import xarray as xr
scene = xr.open_zarr(sys.argv[1], group="r2")
print(json.dumps({
    "sizes": dict(scene.SOD.sizes),
    "sha256": hashlib.sha256(scene.SOD.values.tobytes()).hexdigest(),
    "classes": scene.SOD.attrs["flag_meanings"],
    "ours": sorted({"datasets", "ingest", "sweeps", "training"} & set(sys.modules)),
}))
"""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What runs when people come: bucket, tracking server, Ray head; and what they say at its start."""

    store: ObjectStore
    tracking: MlflowServer
    head: RayHead
    environment: dict[str, str]

    def ports(self) -> list[int]:
        s3 = [port + shift for port in self.store.ports.values() for shift in (0, 10000)]
        return [*self.head.ports.values(), self.tracking.port, *s3]


@pytest.fixture(scope="module")
def browser_path() -> str:
    """Asked first: without a browser nothing is started."""
    return chromium()


def start(folder: Path, stack: ExitStack) -> Services:
    """Starts all three; they stop, last first, with the stack."""
    store = ObjectStore(folder / "s3")
    stack.callback(store.stop)
    store.start()
    (folder / "mlflow").mkdir()
    tracking = MlflowServer(folder / "mlflow")
    stack.callback(tracking.stop)
    tracking.start()
    places = {
        **store.environment(),
        "ICEBENCH_LAKE": LAKE,
        "ICEBENCH_STORAGE": "s3://lake/ray",
        "ICEBENCH_SMOKE": "1",
        "ICEBENCH_TASK": "pixel",
        "MLFLOW_TRACKING_URI": tracking.uri,
    }
    head = RayHead(ROOT, places, folder / "head.log")
    stack.callback(head.stop)
    head.start()
    return Services(store=store, tracking=tracking, head=head, environment={**base_environment(), **places})


def test_three_actions(
    browser_path: str, raw_train: list[Path], raw_test: list[Path], tiny_lake: Lake, tmp_path: Path
) -> None:
    """One after the other, as each needs the one before; in the end nothing of it is left on the machine."""
    with watched_offspring() as living:
        with ExitStack() as stack:
            services = start(tmp_path, stack)
            build_lake(services, raw_train[0].parent, "train")
            build_lake(services, raw_test[0].parent, "test")
            submit_the_study(services, tmp_path)
            look_at_it(services, browser_path, tmp_path / "screen")
            read_a_scene(services, tiny_lake, tmp_path)
            assert living(), "the watch sees what runs"
        assert wait_until_gone(living, 30) == []
    assert [port for port in services.ports() if answers(port)] == []


def build_lake(services: Services, raw: Path, archive: str) -> None:
    words = ["-m", "ingest", "build", str(raw), "--ratios", "2", "5", "10", "--workers", "2", "--split", archive]
    done = subprocess.run(
        [BIN / "python", *words], cwd=ROOT, env=services.environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def submit_the_study(services: Services, folder: Path) -> None:
    """Action one: where things are comes from the environment of the head, which stands in the project."""
    done = services.head.submit(folder, "ray job submit sweeps/downscale.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 (80 m)" in done.stdout, "the table of the study"
    with urllib.request.urlopen(f"{services.head.address}/api/jobs/", timeout=30) as answer:
        (job,) = json.load(answer)
    assert (job["entrypoint"], job["status"]) == ("sweeps/downscale.py", "SUCCEEDED")


def look_at_it(services: Services, browser_path: str, shots: Path) -> None:
    """Action two: a person who only knows the address of MLflow."""
    study, trials = rows(services.tracking)
    assert sorted(trial.data.params["data.ratio"] for trial in trials) == ["10"] * 3 + ["2"] * 3 + ["5"] * 3
    assert {run.info.status for run in (study, *trials)} == {"FINISHED"}
    with visit(browser_path, shots) as tab:
        open_study(tab, services.tracking.uri)
        see_trials(tab, study.info.run_name, [trial.info.run_name for trial in trials])
        see_chart_and_picture(tab, trials[0].info.run_name)
        open_study(tab, services.tracking.uri)
        see_report(tab, study.info.run_name)
        assert tab.asked
        assert tab.foreign() == []


def rows(tracking: MlflowServer) -> tuple[Run, list[Run]]:
    """The study's run and its trials', by the client, to compare the pages with."""
    client = MlflowClient(tracking.uri)
    found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    runs = list(client.search_runs([found.experiment_id]))
    (study,) = [run for run in runs if run.data.tags["kind"] == "study"]
    return study, [run for run in runs if run.data.tags.get("mlflow.parentRunId") == study.info.run_id]


def open_study(tab: Visit, uri: str) -> None:
    """From the first page to the table of runs, by what is written there."""
    tab.page.goto(uri)
    tab.page.get_by_text("Model training", exact=True).click()
    tab.page.get_by_role("link", name=EXPERIMENT, exact=True).first.click()


def see_trials(tab: Visit, study: str, trials: list[str]) -> None:
    """They show below their parent on a click at its [+]."""
    row = tab.page.get_by_role("row").filter(has=tab.page.get_by_role("link", name=study))
    row.get_by_role("button").first.click()
    for name in (study, *trials):
        expect(tab.page.get_by_role("link", name=name)).to_be_visible()
    tab.shot("trials")


def open_artifact(tab: Visit, folder: str, file: str) -> None:
    tab.page.get_by_role("tab", name="Artifacts").click()
    tab.page.get_by_text(folder, exact=True).click()
    tab.page.get_by_text(file, exact=True).click()


def see_chart_and_picture(tab: Visit, trial: str) -> None:
    """A curve with a point per epoch, and the confusion matrix."""
    tab.page.get_by_role("link", name=trial).click()
    tab.page.get_by_role("tab", name="Model metrics").click()
    tab.page.get_by_placeholder("Search metric charts").fill("train/loss")
    line = tab.page.locator(".js-plotly-plot path.js-line").first
    expect(line).to_be_visible()
    tab.shot("chart")
    assert len((line.get_attribute("d") or "").split("L")) > 2, "a line through more than two points"
    open_artifact(tab, "figures", "confusion_test_SOD.png")
    tab.page.wait_for_function(
        "() => [...document.querySelectorAll('img')].some(i => i.src.startsWith('blob:') && i.naturalWidth > 100)"
    )
    tab.shot("picture")


def see_report(tab: Visit, study: str) -> None:
    """The parent holds the report, which the page shows as it is."""
    tab.page.get_by_role("link", name=study).click()
    open_artifact(tab, "report", "report.html")
    expect(tab.page.frame_locator("iframe").get_by_text("9 of 18 trials finished")).to_be_visible()
    tab.shot("report")


def read_a_scene(services: Services, tiny_lake: Lake, folder: Path) -> None:
    """Action three: a process that has never heard of the project, and gets what the local lake of the scenes has."""
    name = tiny_lake.catalog().scene_ids[0]
    done = subprocess.run(
        [BIN / "python", "-c", READ, f"{LAKE}/scenes/{name}.zarr"],
        cwd=folder,
        env=services.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    local = xr.open_zarr(f"{tiny_lake.url}/scenes/{name}.zarr", group="r2").SOD
    assert seen == {
        "sizes": dict(local.sizes),
        "sha256": hashlib.sha256(local.values.tobytes()).hexdigest(),
        "classes": local.attrs["flag_meanings"],
        "ours": [],
    }
    assert set(local.values.ravel().tolist()) - {255}, "some of it is labelled"


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
