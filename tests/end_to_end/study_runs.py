"""Rows of a study by its client."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run


def runs(folder: Path, kind: str) -> list[Run]:
    """Runs of the study or of its trials, from the database in `folder`."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("downscale-smoke")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], filter_string=f"tags.kind = '{kind}'"))
