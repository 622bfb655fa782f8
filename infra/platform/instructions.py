"""What `up` prints: three addresses and three things to type, as they stand, in any other terminal."""

import shlex

from infra.platform.state import BUCKET, Platform
from training.tracking.mlflow_client import asking, find_experiment


def instructions(platform: Platform, experiment: str, scene: str | None, stop: str) -> str:
    """The text: the id of the study's experiment, of a scene of the lake if there is one, the command that ends it."""
    reading = f'import xarray; print(xarray.open_zarr("{platform.lake}/scenes/{scene}.zarr", group="r10"))'
    building = f"python -m ingest build RAW/ --lake {platform.lake} --ratios 2 5 10   # there is no lake yet"
    return f"""\
the platform runs
  S3      {platform.s3}   bucket {BUCKET}
  MLflow  {platform.mlflow}
  Ray     {platform.dashboard}   its page asks for a token: `echo $RAY_AUTH_TOKEN` after the next line
  logs    {platform.logs}

in any other terminal, first its addresses and keys:
  source {shlex.quote(str(platform.env_file))}
then start a study{" (trials of a minute: this is the demo)" if platform.demo else ""}, look at its runs, read the lake:
  ray job submit sweeps/downscale.py
  {platform.mlflow}/#/experiments/{experiment}/runs?workflowType=machine_learning
  {f"python -c {shlex.quote(reading)}" if scene else building}

end it: {stop}"""


def experiment_of(platform: Platform) -> str:
    """Id of the experiment of the study that `up` proposes, made if it is not there.

    From MLflow's list of experiments a click leads to pages for language models, where a study has nothing to show; the
    address of an experiment can say that it is none of those.

    Raises:
        TrackingError: The server refuses, or somebody deleted the experiment.
    """
    with asking(platform.mlflow) as client:
        return find_experiment(client, platform.mlflow, "downscale-smoke" if platform.demo else "downscale")
