"""Errors of the melt maps; see `datasets.errors` for their shape."""

from datasets.errors import IceBenchError


class NoMeltMapError(IceBenchError, FileNotFoundError):
    """There is no melt map to read: no folder, no file of a year, no file of a field."""


class MeltMapError(IceBenchError, ValueError):
    """A melt map that is torn, lacks a field, or holds something else than days of year on the 25 km grid."""


class SeasonsKeptError(IceBenchError, ValueError):
    """Scenes have a season already, and it may not change by the way."""
