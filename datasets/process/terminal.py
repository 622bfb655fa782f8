"""What the command lines of all rooms share: words in, sentences out, on any terminal."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segments
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

from datasets.access import local_path, plain
from datasets.errors import IceBenchError
from datasets.process.folders import nearest, refusal_of
from datasets.process.machine import FULL_DISK, raise_open_files
from datasets.process.signals import sigterm_raises

USAGE_ERROR: Final = 2
"""Exit code where the user gave something that cannot work; 1 is for work that failed in part."""

_NO_PLACE: Final = (
    errno.EACCES,
    errno.EPERM,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)
"""What the system says of a path that cannot be what it was given for."""

out: Final = Console()
err: Final = Console(stderr=True)


@contextmanager
def user_errors() -> Iterator[None]:
    """Errors that a user can fix are one sentence on stderr and exit code 2; bugs keep their traceback.

    So are paths that cannot be made, read or written as asked; a disk that is full is work that failed, exit code 1.
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
    except OSError as error:
        if not isinstance(error.filename, (str, bytes)):
            raise
        path = Path(os.fsdecode(error.filename))
        nowhere = error.errno == errno.ENOENT and isinstance(refusal_of(nearest(path)), FileNotFoundError)
        if not nowhere and error.errno not in (*_NO_PLACE, *FULL_DISK):
            raise
        err.print("[red]error[/red]", end=" ")
        remedy = "make room there" if error.errno in FULL_DISK else "give another path, or the right to use this one"
        if path.name.startswith(".") and path.suffix == ".part":  # what we write first and then rename
            path = path.parent
        why = "nothing can be made there" if nowhere else error.strerror
        tell(f"{str(path)!r} cannot be used ({why}): {remedy}", err)
        raise typer.Exit(1 if error.errno in FULL_DISK else USAGE_ERROR) from error


def tell(text: str, console: Console = out) -> None:
    """Prints a sentence as it is: names may hold brackets and digits, and a path is not broken over two lines."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


MOST_LISTED: Final = 2000
"""Rows of a table that are printed: a page of more helps nobody, and takes minutes."""


def print_whole(table: Table, *, wrapped: bool = False) -> None:
    """Prints a table as wide as it needs to be: no cell is cut, on a narrow terminal or in a pipe that has no width.

    Args:
        table: Is printed.
        wrapped: Cells may go on in a further line, between words.
    """
    if wrapped:
        for column in table.columns:
            words = [word for cell in (column.header, *column.cells) for word in str(cell).split()]
            column.min_width = max(map(len, words), default=0)
    wide = out.options.update(width=10_000)
    found = Measurement.get(out, wide, table)
    needed = found.minimum if wrapped else found.maximum
    out.print(Segments(out.render(table, wide.update(width=max(out.width, needed)))), crop=False, end="")


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


class _AnyTerminal:
    """Mixed into commands and groups: none dies of a character that the terminal cannot show."""

    def main(self, *args: Any, **settings: Any) -> Any:  # noqa: ANN401 - click's own signature
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # None where it is closed
                stream.reconfigure(errors="replace")
        return super().main(*args, **settings)  # type: ignore[misc]


class Group(_AnyTerminal, TyperGroup):
    """The commands of a room."""


class Command(_AnyTerminal, TyperCommand):
    """One command; what it takes for a path may be a file:// URL, and no other."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own signature
        """Puts the path for a file:// URL; refuses URLs where only a path will do, before a folder `s3:` is made.

        Of a word too many it says which option was meant, where that can be told.
        """
        takes_more, ctx.allow_extra_args = ctx.allow_extra_args, True
        try:
            rest = super().parse_args(ctx, [_as_path(word) for word in args])
            ctx.params |= {name: local_path(v) for name, v in ctx.params.items() if isinstance(v, Path)}
        except IceBenchError as error:
            raise typer.BadParameter(str(error), ctx=ctx) from error
        finally:
            ctx.allow_extra_args = takes_more
        if rest and not takes_more and not ctx.resilient_parsing:
            words = " ".join(map(repr, rest))
            ctx.fail(f"unexpected extra argument{'s' if len(rest) > 1 else ''} {words}{self._option_meant_by(rest[0])}")
        return rest

    def _option_meant_by(self, word: str) -> str:
        """`smoke` is --smoke without its dashes, and `loop.max_epochs=1` is a value of --set; "" where none is near."""
        long = {name: option for option in self.params for name in option.opts if name.startswith("--")}
        pairs = [name for name, option in long.items() if str(option.metavar).endswith("=VALUE")]
        near = get_close_matches(word.partition("=")[0], [name.removeprefix("--") for name in long], n=1, cutoff=0.8)
        if near:
            return f": did you mean --{near[0]}?"
        return f": did you mean {pairs[0]} {word}?" if pairs and word.partition("=")[2] else ""


def _as_path(word: str) -> str:
    """`--out=file:///maps` -> `--out=/maps`; words that are no file URL stay."""
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{option}{equals}{plain(value)}" if value.startswith("file:") else word


class CommandLine(typer.Typer):
    """The command line of a room, or of one study."""

    def __init__(self, help: str | None = None) -> None:
        super().__init__(
            help=help, cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - typer's own
        """Adds a command, as typer does."""
        return super().command(name, **({"cls": Command} | settings))


class SeveralValues(Command):
    """A command whose list options also take their values one after the other: `--ratios 1 2 5`.

    Where the command has arguments too, only numbers are taken so: a word may be an argument. Where it has none, a word
    that is spelled as one of its options, and is no path, is an option whose dashes were left out.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own signature
        """Repeats a list option's name before each of its values, which is the form click knows."""
        arguments = any(option.param_type_name == "argument" for option in self.params)
        lists = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        spelled: list[str] = []
        current = ""
        for word in args:
            if word.startswith("-"):
                current = word if word in lists else ""
                spelled.append(word)
            elif current and spelled[-1] != current and (not arguments or word.replace(",", "").isdigit()):
                if (meant := self._option_meant_by(word)) and not Path(word).exists():
                    raise typer.BadParameter(f"{word!r} is no value of {current}{meant}", ctx=ctx)
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
