"""Error of the scene generator, and what is refused for scenes and melt maps alike."""

from pathlib import Path

from datasets.errors import IceBenchError


class SampleError(IceBenchError, ValueError):
    """Synthetic scenes that cannot be made as asked."""


def make_folder(folder: Path, content: str, *, seed: int) -> None:
    """Makes the folder for the content of a seed; raises SampleError if either cannot be used."""
    if seed < 0:
        raise SampleError(f"the seed {seed} is negative: give 0 or a positive number")
    if folder.exists() and not folder.is_dir():
        raise SampleError(f"{str(folder)!r} is a file: give a folder for the {content}")
    folder.mkdir(parents=True, exist_ok=True)
