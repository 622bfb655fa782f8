"""placeholder"""

from pathlib import Path


def conclude(study, folder: Path) -> None:
    print(len(study.finished()), "finished")
