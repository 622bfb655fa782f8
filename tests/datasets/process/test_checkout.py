"""What Ray gives its workers of this project."""

import pytest

from datasets.process.checkout import ROOT, shipped_by_job, worker_environment

JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"


def test_the_project_is_shipped_without_what_no_worker_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JOB, raising=False)
    found = worker_environment({"A": "1"})
    assert (ROOT / "datasets" / "process" / "checkout.py").exists()
    assert (found["working_dir"], found["env_vars"]) == (str(ROOT), {"A": "1"})
    assert {".git", ".venv", "/tests"} <= set(found["excludes"])


def test_a_job_that_brought_the_project_does_not_ship_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JOB, '{"runtime_env": {"working_dir": "gcs://x.zip"}}')
    assert shipped_by_job()
    assert worker_environment({"A": "1"}) == {"env_vars": {"A": "1"}}
    monkeypatch.setenv(JOB, '{"runtime_env": {}}')
    assert not shipped_by_job()
