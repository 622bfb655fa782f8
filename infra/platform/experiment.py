"""Where in MLflow the runs of the study will be that `up` proposes."""

from infra.platform.state import Platform
from training.tracking.mlflow_client import asking, find_experiment


def experiment_of(platform: Platform) -> str:
    """Id of the study's experiment, made if it is not there.

    From MLflow's list of experiments a click leads to pages for language models, where a study has nothing to show; the
    address of an experiment can say that it is none of those.

    Raises:
        TrackingError: The server refuses, or somebody deleted the experiment.
    """
    name = "downscale-smoke" if platform.demo else "downscale"
    with asking(platform.mlflow) as client:
        return find_experiment(client, platform.mlflow, name)
