"""A folder of maps: which scenes are finished, what made them, and how a scene's files get there whole.

`.predict/SCENE.json` says what made the files of a scene; it is written when they are whole, just before they are moved
to their places. So a scene is finished where all its files are there, and a stopped run goes on with the next one.
`.predict/SCENE.lock` is held by the one process that is at a scene, of all that fill the folder.
"""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.errors import IceBenchError
from training.output_folder import make_folder, scratch_folder
from training.prediction.formats import FORMATS, Options

_RECORDS: Final = ".predict"
_PATIENCE_S: Final = 600.0
"""Longest wait for another process that is at a scene: a worker that its scheduler gave up, or another command."""


class MapExistsError(IceBenchError, FileExistsError):
    """The folder holds maps that something else has made."""


class MapInWorkError(IceBenchError, BlockingIOError):
    """Another process is making the map of a scene."""


class _Made(BaseModel):
    """Files of one form, and the options that they were made with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: str
    files: tuple[str, ...]


class _Record(BaseModel):
    """What made the files of a scene (`made_by`, a digest) and which they are, by form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: str
    formats: dict[str, _Made]


@dataclass(frozen=True, kw_only=True)
class MapFolder:
    """A folder of maps that are wanted in some forms."""

    path: Path
    formats: Sequence[str]
    options: Options
    overwrite: bool = False

    def missing(self, scene_id: str, made_by: str) -> tuple[str, ...]:
        """The forms that a scene lacks.

        Raises:
            MapExistsError: There are files of the scene that something else made, and they are not to be replaced.
        """
        record = self._read(scene_id)
        if record is not None and record.made_by == made_by:
            kept = {name: made for name, made in record.formats.items() if self._whole(made)}
            missing = []
            for name in self.formats:
                asked = FORMATS[name].settings(self.options)
                if name not in kept or kept[name].options != asked:
                    missing.append(name)
                    if name in kept and not self.overwrite:
                        raise self._exists(kept[name].files[0], f"was made with {kept[name].options} and not {asked}")
            return tuple(missing)
        if not self.overwrite:
            if record is not None:
                first = next(iter(record.formats.values())).files[0]
                raise self._exists(first, "was made from another checkpoint, scene or version of it")
            for name in self.formats:
                for other in sorted(self.path.glob(f"{scene_id}{FORMATS[name].files}"))[:1]:
                    raise self._exists(other.name, "was made by something else")
        return tuple(self.formats)

    def store(self, scene_id: str, made_by: str) -> Path | None:
        """The Zarr store of a scene if this very map is there."""
        record = self._read(scene_id)
        made = record.formats.get("zarr") if record is not None and record.made_by == made_by else None
        return self.path / made.files[0] if made is not None and self._whole(made) else None

    @contextmanager
    def alone(self, scene_id: str) -> Iterator[None]:
        """No other process makes the map of a scene meanwhile; free again however this one ends.

        Raises:
            MapInWorkError: Another process has not ended with it in ten minutes.
        """
        place = self._record(scene_id).with_suffix(".lock")
        make_folder(place.parent)
        try:
            with FileLock(place, timeout=_PATIENCE_S):
                yield
        except Timeout as error:
            raise MapInWorkError(
                f"another process is making the map of {scene_id} in {str(self.path)!r}: repeat the command when it "
                "has ended"
            ) from error

    @contextmanager
    def beside(self, files: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
        """Copies of files beside the maps, for all who see the folder; they are gone afterwards."""
        with scratch_folder(self.path / _RECORDS / f"files-{secrets.token_hex(8)}") as place:
            yield tuple(Path(shutil.copyfile(file, place / f"{n}{file.suffix}")) for n, file in enumerate(files))

    def work(self, scene_id: str) -> AbstractContextManager[Path]:
        """An empty folder beside the maps, for the files of a scene while they are made."""
        return scratch_folder(self.path / _RECORDS / f"{scene_id}.part")

    def publish(self, scene_id: str, made_by: str, made: Mapping[str, Sequence[Path]]) -> None:
        """Moves whole files of some forms to their places; those of another map of the scene go.

        What is replaced goes first: if the work stops in between, no file of before is taken for one of this map.
        """
        record = self._read(scene_id)
        before = {} if record is None else record.formats
        new = {
            name: _Made(options=FORMATS[name].settings(self.options), files=tuple(path.name for path in paths))
            for name, paths in made.items()
        }
        same = record is not None and record.made_by == made_by
        others = {name: own for name, own in before.items() if same and name not in new}
        kept = {file for own in others.values() for file in own.files}
        for file in {file for own in (*before.values(), *new.values()) for file in own.files} - kept:
            path = self.path / file
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        place = self._record(scene_id)
        part = place.with_suffix(".json.part")
        part.write_text(_Record(made_by=made_by, formats={**others, **new}).model_dump_json(indent=1), encoding="utf-8")
        part.replace(place)
        for path in (path for paths in made.values() for path in paths):
            path.replace(self.path / path.name)

    def _whole(self, made: _Made) -> bool:
        return all((self.path / file).exists() for file in made.files)

    def _record(self, scene_id: str) -> Path:
        return self.path / _RECORDS / f"{scene_id}.json"

    def _read(self, scene_id: str) -> _Record | None:
        try:
            return _Record.model_validate_json(self._record(scene_id).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _exists(self, file: str, why: str) -> MapExistsError:
        return MapExistsError(
            f"{str(self.path / file)!r} exists and {why}: give another --out, or --overwrite to replace it"
        )
