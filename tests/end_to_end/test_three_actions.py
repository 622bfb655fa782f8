"""The three things that people do, on the platform of one machine, as its own words say: study, MLflow, xarray."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import xarray as xr
from mlflow import MlflowClient
from mlflow.entities import Run
from playwright.sync_api import expect

from datasets.lake import Lake
from datasets.process.checkout import PACKAGES, ROOT
from infra.platform.processes import living, supervisor_of
from infra.platform.state import Platform, load
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from tests.end_to_end.browser import Visit, chromium, visit
from tests.free_ports import free_ports
from tests.offspring import wait_until_gone, watched_offspring

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

EXPERIMENT = "downscale-smoke"
PIXEL = '"pixel": {**SMALL_LOOP, '
QUICK = (
    (
        "sweeps/design/bases.py",
        PIXEL,
        f'{PIXEL}"loop.max_epochs": 4, "loop.batch_size": 4, "model.params": {{"filters": [4, 8]}}, ',
    ),
    ("sweeps/design/experiment.py", "SMOKE_SEEDS: Final = 3", "SMOKE_SEEDS: Final = 1"),
    ("infra/platform/sample_lake.py", '(("train", 8, 1), ("test", 3, 2))', '(("train", 6, 1), ("test", 2, 2))'),
)
"""Files, and what stands there in this test instead: trials of seconds, fewer of them, and fewer scenes."""


@pytest.fixture(scope="module")
def browser_path() -> str:
    """Asked first: without a browser nothing is started."""
    return chromium()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout whose `--smoke` trains for seconds; `tests/docs/test_tour.py` has trials of a minute, as people do."""
    project = tmp_path / "project"
    for name in (*PACKAGES, "infra"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file, found, instead in QUICK:
        text = (project / file).read_text()
        assert found in text
        (project / file).write_text(text.replace(found, instead))
    return project


def platform_command(word: str, project: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Types `python -m infra.platform` in the project's folder."""
    command = [sys.executable, "-m", "infra.platform", word, "--folder", str(folder), *options]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def given_ports() -> list[str]:
    """Other tests may start a platform at the same time, and would take the usual ones too."""
    (s3,), (mlflow, dashboard) = free_ports(1, with_grpc=True), free_ports(2)
    return [f"--s3-port={s3}", f"--mlflow-port={mlflow}", f"--dashboard-port={dashboard}"]


def second_terminal(said: str, starts_with: str, elsewhere: Path) -> str:
    """Types a line that was printed, word for word after the `source` line, in a shell that knows nothing."""
    lines = [line.strip() for line in said.splitlines()]
    (source,) = [line for line in lines if line.startswith("source ")]
    (line,) = [line for line in lines if line.startswith(starts_with)]
    kept = ("HOME", "ICEBENCH_CACHE", "ICEBENCH_CACHE_GB", "ICEBENCH_OUTBOX")
    plain = {"PATH": "/usr/local/bin:/usr/bin:/bin", **{name: os.environ[name] for name in kept if name in os.environ}}
    shell = subprocess.run(
        ["bash", "--norc", "-c", f"{source}\n{line}"],
        cwd=elsewhere,
        env=plain,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert shell.returncode == 0, shell.stdout + shell.stderr
    return shell.stdout


def test_three_actions(browser_path: str, project: Path, tmp_path: Path) -> None:
    """One after the other, as each needs the one before; in the end nothing of it is left on the machine."""
    folder = tmp_path / "My platform (1)"
    with watched_offspring() as children:
        try:
            said = platform_command("up", project, folder, "--demo", *given_ports()).stdout
            platform = load(folder)
            assert platform is not None
            only_its_owner_sees_the_keys(platform)
            only_this_machine_reaches_it(platform)
            submit_the_study(platform, said, tmp_path)
            look_at_it(platform, said, browser_path, tmp_path / "screen")
            read_a_scene(platform, said, tmp_path)
            again = platform_command("up", project, folder)
            assert "runs in" in again.stderr
            assert "already" in again.stderr
            assert again.stdout == said
            platform_command("down", project, folder)
            assert living(folder) == []
            everything_is_found_again(platform, project)
        finally:
            platform_command("down", project, folder)
        assert wait_until_gone(children, 120) == []
    assert [port for port in platform.ports.values() if answers(port)] == []
    assert not Path(platform.ray_folder).exists()


def only_its_owner_sees_the_keys(platform: Platform) -> None:
    assert stat.S_IMODE(platform.folder.stat().st_mode) == 0o700
    secrets = [platform.keys.secret_key, platform.keys.ray_token, *platform.keys.jwt]
    for path in platform.folder.glob("*"):
        if path.is_file() and any(secret in path.read_bytes().decode("latin1") for secret in secrets):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    for log in platform.logs.glob("*.log"):
        assert not any(secret in log.read_text() for secret in secrets), log.name


def only_this_machine_reaches_it(platform: Platform) -> None:
    """Every port that one of its processes listens at; also those that were not chosen by us."""
    places = {
        connection.laddr.ip
        for process in living(platform.folder)
        for connection in process.net_connections()
        if connection.status == "LISTEN"
    }
    assert places
    assert places <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def submit_the_study(platform: Platform, said: str, elsewhere: Path) -> None:
    """Action one: where things are comes from the environment of the head, which stands in the project."""
    answer = second_terminal(said, "ray job submit sweeps/downscale.py", elsewhere)
    assert "2 (80 m)" in answer, "the table of the study"
    request = urllib.request.Request(
        f"{platform.dashboard}/api/jobs/", headers={"Authorization": f"Bearer {platform.keys.ray_token}"}
    )
    with urllib.request.urlopen(request, timeout=120) as page:
        (job,) = json.load(page)
    assert (job["entrypoint"], job["status"]) == ("sweeps/downscale.py", "SUCCEEDED")


def look_at_it(platform: Platform, said: str, browser_path: str, shots: Path) -> None:
    """Action two: a person who only knows the printed address."""
    study, trials = rows(platform)
    assert sorted(trial.data.params["data.ratio"] for trial in trials) == ["10", "2", "5"]
    assert {run.info.status for run in (study, *trials)} == {"FINISHED"}
    (address,) = re.findall(r"^ *(http\S+workflowType\S+)$", said, flags=re.MULTILINE)
    with visit(browser_path, shots) as tab:
        open_study(tab, address)
        see_trials(tab, study.info.run_name, [trial.info.run_name for trial in trials])
        see_chart_and_picture(tab, trials[0].info.run_name)
        open_study(tab, address)
        see_report(tab, study.info.run_name)
        see_job(tab, platform)
        assert tab.asked
        assert tab.foreign() == []


def rows(platform: Platform) -> tuple[Run, list[Run]]:
    """The study's run and its trials', by the client, to compare the pages with."""
    client = MlflowClient(platform.mlflow)
    found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    runs = list(client.search_runs([found.experiment_id]))
    (study,) = [run for run in runs if run.data.tags["kind"] == "study"]
    return study, [run for run in runs if run.data.tags.get("mlflow.parentRunId") == study.info.run_id]


def open_study(tab: Visit, address: str) -> None:
    """The printed address opens on the table of runs, not on the empty pages for language models."""
    tab.page.goto("about:blank")
    tab.page.goto(address)
    expect(tab.page.get_by_text(EXPERIMENT, exact=True).first).to_be_visible()


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
    expect(tab.page.frame_locator("iframe").get_by_text("3 of 6 trials finished")).to_be_visible()
    tab.shot("report")


def see_job(tab: Visit, platform: Platform) -> None:
    """Ray's page asks for the token, then shows what was submitted."""
    tab.page.goto(f"{platform.dashboard}/#/jobs")
    tab.page.get_by_placeholder("Enter your authentication token").fill(platform.keys.ray_token)
    tab.page.get_by_role("button", name="Submit").click()
    expect(tab.page.get_by_text("sweeps/downscale.py").first).to_be_visible()
    tab.shot("job")


def read_a_scene(platform: Platform, said: str, elsewhere: Path) -> None:
    """Action three: a process that has never heard of the project, and gets what the raw file has."""
    assert "<xarray.Dataset>" in second_terminal(said, "python -c", elsewhere)
    (line,) = [line.strip() for line in said.splitlines() if line.strip().startswith("python -c")]
    (url,) = re.findall(r'"(s3://[^"]+)"', line)
    (name,) = re.findall(r"scenes/(\w+)\.zarr", url)
    recipe = Recipe()
    lake = Lake.create(str(elsewhere / "lake"), recipe.to_lake())
    for raw in sorted((platform.folder / "demo" / "raw").glob("*/*.nc")):
        if name.partition("_")[0] in raw.name:
            convert_scene(str(raw), recipe, lake, "train")
    local = xr.open_zarr(f"{lake.url}/scenes/{name}.zarr", group="r10").SOD
    code = f"import xarray, hashlib; s = xarray.open_zarr('{url}', group='r10').SOD; "
    code += "print(hashlib.sha256(s.values.tobytes()).hexdigest(), s.attrs['flag_meanings'], sep='|')"
    seen = second_terminal(said + f"\npython  -c {json.dumps(code)}", "python  -c", elsewhere)
    assert seen.strip() == f"{hashlib.sha256(local.values.tobytes()).hexdigest()}|{local.attrs['flag_meanings']}"
    assert set(local.values.ravel().tolist()) - {255}, "some of it is labelled"


def everything_is_found_again(platform: Platform, project: Path) -> None:
    """After another start: runs, lake and keys; then its supervisor is killed, and `down` still ends all of it."""
    said = platform_command("up", project, platform.folder, "--demo").stdout
    again = load(platform.folder)
    assert again is not None
    assert again.keys == platform.keys
    assert len(rows(again)[1]) == 3
    assert "xarray.open_zarr" in said
    supervisor = supervisor_of(platform.folder)
    assert supervisor is not None
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait(60)
    assert living(platform.folder), "its servers go on without it"
    assert re.search(r"ended \d+ processes", platform_command("down", project, platform.folder).stdout)
    assert living(platform.folder) == []


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(30)
        return probe.connect_ex(("127.0.0.1", port)) == 0
