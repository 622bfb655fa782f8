"""Command line of the lake: `python -m datasets show LAKE [SCENE]`, `lists LAKE FOLDER`, `leaks LAKE`."""

from datasets.leaks_command import leaks
from datasets.lists_command import lists
from datasets.process.terminal import CommandLine
from datasets.show_command import show

app = CommandLine(
    help="Look into a lake: what scenes it has, what a scene looks like, which scenes a published study used."
)
app.command()(show)
app.command()(lists)
app.command()(leaks)


if __name__ == "__main__":
    app()
