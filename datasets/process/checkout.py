"""Where this project's code is, and what of its folder goes to machines that do not have it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""Folder of the checkout that runs; a job's temporary copy of it where Ray made one."""

NOT_SHIPPED: Final = (".git", ".venv", "/data", "/results", "/mlruns", "/mlartifacts", "*.db", "/tests", "/docs")
"""Patterns of what no other machine needs to run our code."""

_JOB_CONFIG: Final = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by Ray in the driver of a submitted job: what the job brought with it."""


def shipped_by_job() -> bool:
    """Whether this driver runs in a temporary copy of the project that `ray job submit --working-dir` made."""
    return "working_dir" in json.loads(os.environ.get(_JOB_CONFIG, "{}")).get("runtime_env", {})


def worker_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """What Ray is to give its workers (`runtime_env`): this project, and environment variables."""
    environment: dict[str, Any] = {"env_vars": dict(variables)}
    if not shipped_by_job():  # Ray refuses two working folders
        environment |= {"working_dir": str(ROOT), "excludes": list(NOT_SHIPPED)}
    return environment
