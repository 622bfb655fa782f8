"""What the command lines of all rooms share: errors as one sentence, progress bars, options with several values."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperCommand

from datasets.errors import IceBenchError
from datasets.process.machine import raise_open_files
from datasets.process.signals import sigterm_raises

USAGE_ERROR: Final = 2
"""Exit code where the user gave something that cannot work; 1 is for work that failed in part."""

out: Final = Console()
err: Final = Console(stderr=True)


@contextmanager
def user_errors() -> Iterator[None]:
    """Errors that a user can fix are one sentence on stderr and exit code 2; bugs keep their traceback.

    The limit of open files is raised to what this user may have. SIGTERM ends what runs meanwhile as Ctrl-C does:
    everything is released and recorded on the way out (exit code 143).
    """
    raise_open_files()
    try:
        with sigterm_raises():
            yield
    except IceBenchError as error:
        err.print("[red]error[/red]", end=" ")
        tell(str(error), err)
        raise typer.Exit(USAGE_ERROR) from error


def tell(text: str, console: Console = out) -> None:
    """Prints a sentence as it is: names may hold brackets and digits, and a path is not broken over two lines."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def tell_failure(name: str, sentence: str) -> None:
    """Says on stderr which of several things failed, and why."""
    err.print("[red]failed[/red]", end=" ")
    tell(f"{name}\n  {sentence}", err)


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr; call the given function once per finished item, with its name."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[last]}"), console=err) as bar:
        task = bar.add_task(title, total=total, last="")
        yield lambda last: bar.update(task, advance=1, last=last[:40])


class SeveralValues(TyperCommand):
    """A command whose list options also take their values one after the other: `--ratios 1 2 5`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own signature
        """Repeats a list option's name before each of its numbers, which is the form click knows."""
        lists = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        spelled: list[str] = []
        current = ""
        for word in args:
            if word.startswith("-"):
                current = word if word in lists else ""
                spelled.append(word)
            elif current and spelled[-1] != current and word.replace(",", "").isdigit():
                spelled += [current, word]
            else:
                if spelled[-1:] != [current]:
                    current = ""
                spelled.append(word)
        return super().parse_args(ctx, spelled)


def whole_numbers(words: list[str]) -> list[int | str]:
    """`["1", "2,5"]` -> [1, 2, 5]; the model refuses what is not a number."""
    parts = [part for word in words for part in word.split(",") if part]
    return [int(part) if part.lstrip("-").isdigit() else part for part in parts]
