"""Whose a trial's folder is: its `spec.yaml`, written first, says it, and `result.json`, written last, that it is over.

Imports no torch, so that a command can answer at once that there is nothing to do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from datasets.errors import IceBenchError
from training.evaluation.result import TrialResult
from training.loop.checkpoint_files import BEST, LAST
from training.output_folder import make_folder
from training.spec import SpecError, TrialSpec

RESULT: Final = "result.json"
SPEC: Final = "spec.yaml"
_FILES: Final = (RESULT, SPEC, "scores_per_scene.csv", BEST, LAST)
_PICTURES: Final = ("figures", "maps")

_ADVICE: Final = "give every trial a folder of its own, or --overwrite to replace what is in this one"


class TrialFolderError(IceBenchError, FileExistsError):
    """The folder holds something else than this trial."""


def finished_result(folder: Path, spec: TrialSpec) -> TrialResult | None:
    """The result of this trial if it has finished in the folder, and its weights are still there."""
    whole = (folder / BEST).is_file() and not (folder / LAST).exists()
    found = _result(folder) if whole else None
    return found if found is not None and found.trial_id == spec.trial_id else None


def claim(folder: Path, spec: TrialSpec, *, overwrite: bool = False) -> None:
    """Makes the folder that of this trial, bound to its lake; with `overwrite` what a trial left there goes first.

    Raises:
        TrialFolderError: It is another trial's; nothing was changed.
        OutputFolderError: It cannot be made or written.
    """
    if overwrite:
        _clear(folder)
    elif other := next(_others(folder, spec), None):
        raise TrialFolderError(f"{str(folder)!r} holds {other} and not trial {spec.trial_id}: {_ADVICE}")
    make_folder(folder)
    part = folder / f".{SPEC}.part"
    part.write_text(spec.to_yaml(), encoding="utf-8")
    part.replace(folder / SPEC)


def _others(folder: Path, spec: TrialSpec) -> Iterator[str]:
    """What in the folder is not of this trial."""
    result, kept = _result(folder), folder / SPEC
    if result is not None and result.trial_id != spec.trial_id:
        yield f"trial {result.trial_id}"
    if result is None and (folder / RESULT).exists():
        yield f"a {RESULT} that is none of a trial"
    if kept.exists():
        try:
            found = TrialSpec.from_file(kept)
        except SpecError:
            yield f"a {SPEC} that is none of a trial"
        else:
            bound = found if found.data.lake else found.with_("data.lake", spec.data.lake)
            if bound.trial_id != spec.trial_id:
                yield f"the {SPEC} of trial {bound.trial_id}"
    elif result is None and (folder / BEST).exists() and not (folder / LAST).exists():
        yield f"a {BEST} of which no {SPEC} says the trial"


def _result(folder: Path) -> TrialResult | None:
    try:
        return TrialResult.model_validate_json((folder / RESULT).read_bytes())
    except (OSError, ValidationError):
        return None


def _clear(folder: Path) -> None:
    pictures = (path for name in _PICTURES for end in ("png", "npz") for path in (folder / name).glob(f"*.{end}"))
    for path in (*(folder / name for name in _FILES), *pictures):
        path.unlink(missing_ok=True)
