"""Errors that callers can catch; each is also the built-in error that it is closest to.

Every message is one sentence: what was given, what is allowed, what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class IceBenchError(Exception):
    """Base of every error that a user can cause or fix."""


class LakeNotFoundError(IceBenchError, FileNotFoundError):
    """The URL holds no lake, or a lake of another format."""


class SceneNotFoundError(IceBenchError, FileNotFoundError):
    """The lake has no such scene, or the scene does not have this ratio."""


class DamagedSceneError(IceBenchError, ValueError):
    """An object of a finished scene is gone, or is not what was written."""


class PolygonCodesError(IceBenchError, ValueError):
    """The code rows of an ice chart do not have the form of polygon_codes."""


class TiePointsError(IceBenchError, ValueError):
    """The geolocation points of a scene form no grid."""


class PackingError(IceBenchError, ValueError):
    """A physical value does not fit the whole numbers that an array is stored in."""


class LakeAccessError(IceBenchError, PermissionError):
    """The place of the lake cannot be reached, or refuses to be read or written."""


class LakeLockedError(IceBenchError, BlockingIOError):
    """Another process is changing the lake."""


class CacheError(IceBenchError, OSError):
    """The cache of decoded arrays cannot be kept in its folder."""


class RecipeMismatchError(IceBenchError, ValueError):
    """Scenes of one lake would carry different recipes."""


class UnknownNameError(IceBenchError, ValueError):
    """A word outside a closed vocabulary (channel, chart, region, ...)."""


class ClusterError(IceBenchError, ConnectionError):
    """A cluster of Dask or Ray cannot be used, or went away."""


class WorkerDiedError(IceBenchError, RuntimeError):
    """Every process that worked on a scene died."""

    @classmethod
    def after(cls, tries: int) -> "WorkerDiedError":
        """Makes the message for a number of tries."""
        return cls(
            f"its worker died {tries} times over, mostly for want of memory: give workers more (fewer --workers, a "
            "higher --memory-limit) and repeat the command"
        )


class LoaderError(IceBenchError, ChildProcessError):
    """A loader worker died or cannot hand over what it made; trying again, perhaps elsewhere, may help."""


class MissingPackageError(IceBenchError, ImportError):
    """A package that this needs is not installed; the message names the extra that brings it."""


class ExportError(IceBenchError, FileExistsError):
    """A folder holds something else than the export that is to be written or continued there."""


class SplitError(IceBenchError, ValueError):
    """A split or a study cell has too few scenes."""


def unknown_name(kind: str, given: str, known: Iterable[str]) -> UnknownNameError:
    """Builds the error for a word outside a vocabulary, with the nearest known word."""
    names = list(known)
    near = get_close_matches(given, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UnknownNameError(f"unknown {kind} {given!r}: known are {', '.join(names)}{hint}")
