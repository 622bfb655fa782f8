"""Error of the scene generator, and what is refused for scenes and melt maps alike."""

from pathlib import Path

from datasets.errors import IceBenchError


class SampleError(IceBenchError, ValueError):
    """Synthetic scenes that cannot be made as asked."""


def make_folder(folder: Path, content: str) -> None:
    """Makes the folder for the content; raises SampleError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise SampleError(f"{str(folder)!r} is a file: give a folder for the {content}") from error
    except OSError as error:
        raise SampleError(
            f"{str(folder)!r} cannot be made ({error.strerror}): give another folder for the {content}"
        ) from error
