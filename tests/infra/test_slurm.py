"""The script of docs/slurm.md on one machine: a stand-in for srun runs what the other nodes would run."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.infra.cluster_files import INFRA, ROOT
from tests.offspring import wait_until_gone, watched_offspring

SCRIPT = INFRA / "slurm" / "study.sbatch"

# Each node has a /tmp of its own; here it is another folder. Like srun, it passes a signal on and waits.
SRUN = """#!/usr/bin/env bash
echo "$*" >> "$SLURM_SUBMIT_DIR/srun.log"
while [[ $1 == --* ]]; do [[ $1 == --ntasks=* ]] && tasks=${1#*=}; shift; done
trap 'kill -TERM $tasks_pids; wait' TERM
for n in $(seq "$tasks"); do "${@/#\\/tmp\\/ib-$SLURM_JOB_ID//tmp/ib-$SLURM_JOB_ID-n$n}" & tasks_pids+=" $!"; done
wait
"""

STUDY = """
import os, signal, sys, time
import ray
ray.init(logging_level="ERROR", log_to_driver=False)
print("nodes", sum(node["Alive"] for node in ray.nodes()), "words", *sys.argv[1:])
print("cores", int(ray.cluster_resources()["CPU"]), "auth", os.environ["RAY_AUTH_MODE"], flush=True)
if "--long" in sys.argv:
    def ended(*_):
        print("study has saved itself", flush=True)
        sys.exit(143)
    signal.signal(signal.SIGTERM, ended)
    print("ready", flush=True)
    time.sleep(900)
sys.exit(3)
"""


@pytest.fixture
def submitted(tmp_path: Path) -> dict[str, str]:
    """What Slurm gives a job of three nodes that was submitted from a project folder."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "srun").write_text(SRUN)
    (tmp_path / "bin" / "srun").chmod(0o755)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").write_text(f'PATH="{Path(sys.executable).parent}:$PATH"\n')
    (tmp_path / "infra").symlink_to(INFRA)
    (tmp_path / "study.py").write_text(STUDY)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SLURM"))}
    job = {
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_ID": str(os.getpid() % 100_000),
        "SLURM_JOB_NUM_NODES": "3",
        "SLURM_CPUS_PER_TASK": "2",
        "SLURMD_NODENAME": "node1",
        "PYTHONPATH": str(ROOT),
    }
    return {**kept, **job, "PATH": f"{tmp_path / 'bin'}:{kept['PATH']}"}


@pytest.fixture
def spooled(tmp_path: Path) -> Path:
    """Slurm runs a copy that lies elsewhere."""
    place = tmp_path / "spool" / "slurm_script"
    place.parent.mkdir()
    shutil.copy(SCRIPT, place)
    return place


@pytest.mark.slow
def test_a_study_gets_every_node_and_ends_the_job_with_its_own_code(
    submitted: dict[str, str], spooled: Path, tmp_path: Path
) -> None:
    with watched_offspring() as living:
        words = ["bash", spooled, "study.py", "--seeds", "3"]
        done = subprocess.run(words, env=submitted, capture_output=True, text=True, timeout=600)
        assert done.returncode == 3, done.stderr + logs(tmp_path)
        assert "nodes 3 words --seeds 3\ncores 6 auth token" in done.stdout
        assert wait_until_gone(living, 120) == []
    (srun,) = (tmp_path / "srun.log").read_text().splitlines()
    assert srun.startswith("--nodes=2 --ntasks=2 --cpus-per-task=2 --exclude=node1 ")
    assert not [*Path("/tmp").glob(f"ib-{submitted['SLURM_JOB_ID']}*")]
    assert re.search(r"\b[0-9a-f]{64}\b", logs(tmp_path) + srun) is None, "the token is nowhere to read"


@pytest.mark.slow
def test_a_study_hears_of_the_time_limit_and_nothing_is_left(
    submitted: dict[str, str], spooled: Path, tmp_path: Path
) -> None:
    with watched_offspring() as living, (tmp_path / "job.log").open("w") as log:
        words = ["bash", spooled, "study.py", "--long"]
        one = {**submitted, "SLURM_JOB_NUM_NODES": "1"}
        job = subprocess.Popen(words, env=one, stdout=log, stderr=log)
        deadline = time.monotonic() + 400
        while "ready" not in (tmp_path / "job.log").read_text():
            assert job.poll() is None, (tmp_path / "job.log").read_text() + logs(tmp_path)
            assert time.monotonic() < deadline
            time.sleep(0.2)
        job.send_signal(signal.SIGTERM)  # as `--signal=B:TERM@300` does, to the shell alone
        assert job.wait(60) == 143
        assert wait_until_gone(living, 120) == []
    said = (tmp_path / "job.log").read_text()
    assert "the time limit is near: submit it again" in said
    assert "study has saved itself" in said
    assert not (tmp_path / "srun.log").exists(), "one node needs no others"


def test_what_is_no_study_is_refused_before_anything_starts(
    submitted: dict[str, str], spooled: Path, tmp_path: Path
) -> None:
    done = subprocess.run(["bash", spooled, "downscale"], env=submitted, capture_output=True, text=True)
    assert done.returncode == 2
    assert "'downscale' is no study: sbatch infra/slurm/study.sbatch sweeps/STUDY.py" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_folder_without_the_project_is_named_before_anything_starts(
    submitted: dict[str, str], tmp_path: Path
) -> None:
    for folder, said in (
        (str(tmp_path / "bin"), "/bin' has no .venv: type sbatch in the project's folder"),
        ("", "no job"),
    ):
        done = subprocess.run(
            ["bash", str(SCRIPT), "study.py"],
            env={**submitted, "SLURM_SUBMIT_DIR": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert said in done.stderr


def test_jobs_of_one_node_have_ports_of_their_own() -> None:
    """Numbers of jobs that follow each other give ports that no other service of the job, nor the kernel, takes."""
    (rule,) = re.findall(r"^port=\$\(\((.*)\)\)$", SCRIPT.read_text(), re.M)
    words = "; ".join(f"SLURM_JOB_ID={job}; echo $(({rule}))" for job in range(4_000_000, 4_000_050))
    ports = [int(port) for port in subprocess.check_output(["bash", "-c", words], text=True).split()]
    assert len({each for port in ports for each in (port, port + 1)}) == 100
    assert min(ports) >= 20_000, "Ray's workers had those from 10002 to 19999"
    assert max(ports) + 1 < 32_768, "the kernel gives those above to outgoing connections"


def logs(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted((folder / "results").rglob("*.log")))
