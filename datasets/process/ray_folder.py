"""A folder in which Ray can put its sockets and logs, where the usual one cannot be used. Does not import Ray."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from datasets.errors import ClusterError

_LONGEST: Final = 107 - len("/session_2026-11-30_00-00-00_000000_1234567/sockets/plasma_store.10")
"""Characters that a socket's path (107 at most) leaves for the folder."""

_SHORT: Final = ("/tmp", "/var/tmp", "/dev/shm")


def usual_folder() -> Path:
    """Where Ray goes by itself."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray")


def folder_for_ray(places: Sequence[str] = _SHORT) -> tuple[Path, str]:
    """The usual folder if it can be used, else one of this user's own in the first of some places that can.

    Returns:
        The folder, and a sentence for the person where it is another one.

    Raises:
        ClusterError: None of them can be used.
    """
    usual = usual_folder()
    trouble = _trouble(usual)
    if not trouble:
        return usual, ""
    for place in places:
        folder = Path(place, f"ray-{os.getuid()}")
        if not _trouble(folder) and folder.stat().st_uid == os.getuid():
            return folder, f"Ray cannot use {str(usual)!r} ({trouble}) and uses {str(folder)!r} instead (RAY_TMPDIR)"
    raise ClusterError(
        f"Ray cannot use {str(usual)!r} ({trouble}) nor a folder in {', '.join(places)}: set RAY_TMPDIR to a folder "
        f"that you can write to, with a path of at most {_LONGEST - len('/ray')} characters"
    )


def _trouble(folder: Path) -> str:
    """Why Ray cannot use a folder; empty where it can."""
    if len(os.fsencode(folder.absolute())) > _LONGEST:
        return "its path is too long for a socket"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""
