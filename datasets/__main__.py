"""Command line of the lake: `python -m datasets show LAKE [SCENE]`, `lists LAKE DIR`, `export LAKE DIR`, ..."""

from datasets.agreement_command import agreement
from datasets.export_command import export
from datasets.leaks_command import leaks
from datasets.lists_command import lists
from datasets.process.terminal import CommandLine
from datasets.show_command import show

app = CommandLine(
    help="Look into a lake: its scenes, how one looks, which a published study used, how far two ice services agree; "
    "write patches for other programs."
)
app.command()(show)
app.command()(lists)
app.command()(export)
app.command()(agreement)
app.command()(leaks)


if __name__ == "__main__":
    app()
