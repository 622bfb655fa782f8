"""Errors of the ingest side; see `datasets.errors` for their shape."""

from datasets.errors import IceBenchError


class NoSourceError(IceBenchError, FileNotFoundError):
    """There is nothing to build from."""


class SceneNameError(IceBenchError, ValueError):
    """A file name outside the grammar of the archive."""


class RawSceneError(IceBenchError, ValueError):
    """A raw file that is no netCDF, lacks a part, or contradicts itself."""


class RecipeError(IceBenchError, ValueError):
    """A recipe that cannot be built (a ratio below 1, an unknown reduction, ...)."""


class ClusterError(IceBenchError, ConnectionError):
    """The Dask cluster cannot be used, or went away."""
