"""Command line of ingest: build a lake from raw scenes, and maintain it."""

from datasets.process.terminal import CommandLine, SeveralValues
from ingest.build_command import build
from ingest.download.command import download
from ingest.maintenance import prune, verify
from ingest.melt.command import melt
from ingest.migrate_command import migrate
from ingest.sample_command import sample

app = CommandLine(help="From raw AI4Arctic netCDF to the lake: one chunked Zarr store per scene, and one catalog.")
app.command()(sample)
app.command(cls=SeveralValues)(build)
app.command()(verify)
app.command()(prune)
app.command()(migrate)
app.command()(download)
app.command()(melt)


if __name__ == "__main__":
    app()
