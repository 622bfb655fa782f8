"""Errors of ingest; see `datasets.errors` for their form."""

from datasets.errors import IceBenchError


class NoSourceError(IceBenchError, FileNotFoundError):
    """There is nothing to build from."""


class SceneNameError(IceBenchError, ValueError):
    """A file name outside the grammar of the archive."""


class RawSceneError(IceBenchError, ValueError):
    """A raw file that is no netCDF, lacks a part, or contradicts itself."""


class RecipeError(IceBenchError, ValueError):
    """A recipe that cannot be built (a ratio below 1, an unknown reduction, ...)."""


class UnconfirmedError(IceBenchError, PermissionError):
    """Something would be removed or mixed up, and nobody has said that it may be."""


class ZipArchiveError(IceBenchError, ValueError):
    """A zip archive that is none, or that cannot be read in parts where it must be."""


class MemberError(IceBenchError, ValueError):
    """A scene's file that does not come as its archive says it is."""


class ScratchError(IceBenchError, OSError):
    """The scratch space cannot hold what has to lie in it."""
