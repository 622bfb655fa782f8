"""What the first program with ids left behind: specs, results and runs of MLflow, in tests/data/identity.

Recorded on 2026-11-29 from a lake of eleven synthetic scenes, with ids as the program gave them then: `trial_id` was
the hash of the whole spec as JSON. Never write them again: they represent what users have.
"""

import json
from pathlib import Path
from typing import Any

from training.tracking.mlflow_client import PARENT, open_client

FOLDER = Path(__file__).parent / "data" / "identity"


def recorded(name: str) -> Any:  # noqa: ANN401 (a JSON value)
    """The content of one of the JSON files."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def replay(uri: str) -> None:
    """Puts the recorded runs into an empty MLflow as they were."""
    from mlflow.entities import Metric, Param

    client = open_client(uri)
    for study in recorded("mlflow.json"):
        experiment = client.create_experiment(study["study"])
        parent = client.create_run(experiment, tags=study["tags"]).info.run_id
        for row in study["rows"]:
            tags = {**row["tags"], PARENT: parent}
            run_id = client.create_run(experiment, start_time=row["started"], tags=tags).info.run_id
            metrics = [Metric(name, value, row["started"], 0) for name, value in row["metrics"].items()]
            client.log_batch(run_id, metrics=metrics, params=[Param(*each) for each in row["params"].items()])
            for name, text in row["files"].items():
                client.log_text(run_id, text, name)
            client.set_terminated(run_id, row["status"], row["ended"])
        client.set_terminated(parent, "FINISHED")
