"""The argument LAKE of commands."""

from typing import Annotated, Final

import typer

LAKE: Final = "ICEBENCH_LAKE"
"""Environment variable with the URL of the lake."""

LakeArgument = Annotated[
    str,
    typer.Argument(
        help="Where the lake is: a folder, or s3://BUCKET/PREFIX (gs://, az://).",
        envvar=LAKE,
        metavar="LAKE",
    ),
]
"""Where a lake is."""
