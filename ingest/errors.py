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


class WorkerDiedError(IceBenchError, RuntimeError):
    """The processes that worked on a scene died, one after the other."""

    @classmethod
    def after(cls, tries: int) -> "WorkerDiedError":
        """With the sentence for so many tries."""
        return cls(
            f"its worker died {tries} times over, mostly for want of memory: give workers more (fewer --workers, a "
            "higher --memory-limit) and run the build again"
        )
