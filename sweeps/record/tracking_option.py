"""The option `--tracking-uri` of commands over studies, and where MLflow is if nobody says it."""

from typing import Annotated, Final

import typer

from datasets.process.checkout import ROOT

USUAL_DATABASE: Final = ROOT / "results/mlflow.db"
USUAL_TRACKING: Final = f"sqlite:///{USUAL_DATABASE}"

TrackingUri = Annotated[
    str,
    typer.Option(
        help="MLflow: sqlite:///FILE or http(s)://HOST:PORT (without: results/mlflow.db).",
        envvar="MLFLOW_TRACKING_URI",
        metavar="URI",
    ),
]
