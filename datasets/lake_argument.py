"""The argument LAKE of the commands of this package."""

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
