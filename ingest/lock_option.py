"""The option of commands that change a lake."""

from typing import Annotated

import typer

BreakLock = Annotated[bool, typer.Option("--break-lock", help="Take the lake over from a build that is surely gone.")]
