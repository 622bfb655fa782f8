"""What supervisord calls for each server: puts its folder, words and variables together, and becomes it."""

import os
from pathlib import Path

from datasets.process.checkout import ROOT
from infra.platform.services import HEAD_PORTS, MLFLOW_QUIET, mlflow_words, object_store_words, ray_words
from infra.platform.state import BUCKET, Platform


def server(platform: Platform, name: str) -> tuple[Path, list[str], dict[str, str]]:
    """Folder in which a server of `infra.platform.supervision.SERVICES` starts, its words and its environment."""
    environment = platform.environment()
    if name == "s3":
        words = object_store_words("s3", BUCKET, platform.ports)
        return platform.folder, words, environment | platform.object_store_secrets()
    if name == "mlflow":
        # from the folder, since its path may hold characters that mean something in a URL
        words = mlflow_words(platform.ports["mlflow"], "sqlite:///mlflow.db", f"s3://{BUCKET}/mlflow")
        return platform.folder, words, environment | MLFLOW_QUIET
    for ours in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):  # a head that is told of a cluster would join it
        environment.pop(ours)
    # jobs start where the head stands: `ray job submit sweeps/downscale.py` finds the file
    return ROOT, ray_words(platform.ray_folder, {each: platform.ports[each] for each in HEAD_PORTS}), environment


def become(platform: Platform, name: str) -> None:
    """Replaces this process by the server."""
    folder, words, environment = server(platform, name)
    os.chdir(folder)
    os.execve(words[0], words, environment)
