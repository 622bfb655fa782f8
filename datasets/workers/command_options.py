"""Options that commands with workers have in common. Imports nothing heavy."""

from typing import Annotated

import typer

WorkerCount = Annotated[
    int | None,
    typer.Option(min=1, help="Processes, one core and one scene each (without: as many as cores and memory allow)."),
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        help="Memory of one worker, e.g. 3GB: above it a worker is restarted (without: a fair share). On Ray: what "
        "a scene reserves of its node (without: 3GB)."
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Running Dask scheduler, tcp://host:8786, or Ray, ray:host:6379 or ray://host:10001: its workers are "
        "used and given our code. Plain `ray` joins the Ray that RAY_ADDRESS names or that runs here, else starts "
        "one."
    ),
]
