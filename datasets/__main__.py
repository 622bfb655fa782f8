"""Command line of the lake: `python -m datasets show LAKE [SCENE]`, `lists LAKE FOLDER`, `agreement`, `leaks`."""

from datasets.agreement_command import agreement
from datasets.leaks_command import leaks
from datasets.lists_command import lists
from datasets.process.terminal import CommandLine
from datasets.show_command import show

app = CommandLine(
    help="Look into a lake: its scenes, how one looks, which a published study used, how far two ice services agree."
)
app.command()(show)
app.command()(lists)
app.command()(agreement)
app.command()(leaks)


if __name__ == "__main__":
    app()
