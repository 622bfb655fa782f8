"""The sample lake of `--demo`: small synthetic scenes, built into the bucket by the commands that people type."""

import subprocess
import sys
from collections.abc import Callable
from typing import Final

from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from datasets.process.checkout import ROOT
from infra.platform.state import Platform, PlatformError

_ARCHIVES: Final = (("train", 8, 1), ("test", 3, 2))
"""Name, number of scenes, seed."""
_PATIENCE_S: Final = 1800
_SIZE: Final = ("--lines", "600", "--samples", "624")
_RATIOS: Final = ("2", "5", "10")


def build(platform: Platform, say: Callable[[str], None]) -> None:
    """Builds what is not there yet; a build that was killed goes on.

    Raises:
        PlatformError: A step failed.
    """
    folder = platform.folder / "demo"
    if (folder / "built").exists():
        return
    for archive, scenes, seed in _ARCHIVES:
        raw = folder / "raw" / archive
        say(f"sample lake: {scenes} scenes for {archive}")
        _ingest(platform, "sample", str(raw), "--scenes", str(scenes), *_SIZE, "--seed", str(seed))
        _ingest(platform, "build", str(raw), "--ratios", *_RATIOS, "--workers", "2", "--split", archive)
    (folder / "built").touch()


def first_scene(lake_url: str) -> str | None:
    """Id of a scene of the lake; None if nothing was built yet. Keys come from this process's environment."""
    try:
        return Lake.open(lake_url).catalog().scene_ids[0]
    except (LakeNotFoundError, IndexError):
        return None


def _ingest(platform: Platform, *words: str) -> None:
    log = platform.logs / "demo.log"
    command = [sys.executable, "-m", "ingest", *words]
    with log.open("a") as file:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=platform.environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            timeout=_PATIENCE_S,
        )
    if done.returncode:
        raise PlatformError(f"`python -m ingest {words[0]}` failed for the sample lake: its words are in {str(log)!r}")
