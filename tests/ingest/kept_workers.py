"""Builds on a Dask worker that earlier builds of this test process have left.

A worker costs more to start than a small scene costs to convert, so tests whose subject is what a build writes share
one. Tests of the workers themselves, of what they print, or of how they end type `tests.ingest.command_line.command`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from dask.distributed import LocalCluster
from typer.testing import Result

from tests.ingest import command_line

_OF_ONE_TEST = ("PYTEST_CURRENT_TEST", "ICEBENCH_OUTBOX")
"""Variables that differ from test to test and that no worker of a build reads."""
_MOST = 3

_kept: dict[tuple[object, ...], LocalCluster] = {}


def command(*words: object) -> Result:
    """See `tests.ingest.command_line.command`."""
    with patch("datasets.workers.dask_cluster.LocalCluster", _cluster):
        return command_line.command(*words)


@contextmanager
def _cluster(**options: object) -> Iterator[LocalCluster]:
    """One of one worker, in this folder and with these variables; Dask itself closes those that are left at the end."""
    options["n_workers"] = 1
    variables = sorted((name, value) for name, value in os.environ.items() if name not in _OF_ONE_TEST)
    key = (*sorted(options.items()), Path.cwd(), *variables)
    cluster = _kept.pop(key, None) or LocalCluster(**options)
    _kept[key] = cluster  # the one that was used last
    while len(_kept) > _MOST:
        _kept.pop(next(iter(_kept))).close()
    yield cluster
