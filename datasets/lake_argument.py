"""The argument LAKE of commands."""

from typing import Annotated

import typer

LakeArgument = Annotated[
    str,
    typer.Argument(
        help="Where the lake is: a folder, or s3://BUCKET/PREFIX (gs://, az://).",
        envvar="ICEBENCH_LAKE",
        metavar="LAKE",
    ),
]
"""Where a lake is."""
