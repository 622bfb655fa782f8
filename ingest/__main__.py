"""Command line of ingest: build a lake from raw scenes, and maintain it."""

import typer

from datasets.process.terminal import SeveralValues
from ingest.build_command import build
from ingest.download.command import download
from ingest.maintenance import prune, verify
from ingest.melt.command import melt
from ingest.sample_command import sample

app = typer.Typer(
    help="From raw AI4Arctic netCDF to the lake: one chunked Zarr store per scene, and one catalog.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(sample)
app.command(cls=SeveralValues)(build)
app.command()(verify)
app.command()(prune)
app.command()(download)
app.command()(melt)


if __name__ == "__main__":
    app()
