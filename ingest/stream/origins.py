"""Where the bytes of one scene are, and how they come into its room in the scratch space."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ingest.download.folder import md5_of, refuse_full_disk
from ingest.download.web import Web
from ingest.errors import MemberError
from ingest.source import reference_path
from ingest.stream.containers import StoreFile, WebFile
from ingest.stream.scratch import Scratch
from ingest.stream.zips import ZipMember

Origin = ZipMember | StoreFile | WebFile


@dataclass(frozen=True, kw_only=True)
class SceneFile:
    """A scene that has to be fetched.

    Attributes:
        path: As people are told it; ends in the name of the scene's file.
        origin: Its file.
        reference: The charts of a ready-to-train test scene, where there are any.
    """

    path: str
    origin: Origin
    reference: Origin | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes here; 0 where nobody has asked its server yet."""
        return sum(each.size or 0 for each in (self.origin, self.reference) if each is not None)

    def sized(self) -> "SceneFile":
        """The same with its size; see `ingest.stream.containers` for what is raised where there is no such file."""
        reference = None if self.reference is None else _sized(self.reference)
        return replace(self, origin=_sized(self.origin), reference=reference)

    @contextmanager
    def fetched(self, scratch: Scratch) -> Iterator[str]:
        """Path of the file on this machine, checked, with its reference beside it; both are removed at the end.

        Raises:
            ScratchError: The scratch space is too small for it.
            IceBenchError: See `fetch`.
        """
        name, here = PurePosixPath(self.path).name, self.sized()
        wanted = {name: here.origin}
        if here.reference is not None:
            wanted[reference_path(name)] = here.reference
        with scratch.room(self.path, here.size) as folder:
            for target, origin in wanted.items():
                with scratch.connection():
                    fetch(origin, folder / target)
            yield str(folder / name)


def fetch(origin: Origin, target: Path) -> None:
    """Writes a file here; what comes corrupt is fetched once more, as most often it was the way that changed it.

    Raises:
        DiskSpaceError: The disk of this machine is full.
        MemberError: It came twice with other bytes than it should have.
        ArchiveChangedError: Its archive has changed.
        WebError: Its server does not give it.
        LakeAccessError: Its store does not give it.
    """
    try:
        try:
            _write(origin, target)
        except MemberError:
            _write(origin, target)
    except OSError as error:
        refuse_full_disk(error, target.parent)
        raise


def _sized(origin: Origin) -> Origin:
    return origin if isinstance(origin, ZipMember) else origin.sized()


def _write(origin: Origin, target: Path) -> None:
    if isinstance(origin, ZipMember):
        origin.write(target)
    elif isinstance(origin, WebFile):
        _write_whole(origin, target)
    else:
        with target.open("wb") as out:
            out.writelines(origin.blocks(0, origin.size or 0))


def _write_whole(file: WebFile, target: Path) -> None:
    """Fetches a whole file of a web server; raises MemberError if it has not the MD5 that was published for it."""
    size = file.size or 0
    with Web() as web, target.open("wb") as out:
        for block in web.stream(file.urls, size, etag=file.etag):
            out.seek(block.start)
            out.truncate()
            out.write(block.content)
    if file.md5 and (found := md5_of(target, lambda done, size: None)) != file.md5:
        raise MemberError(
            f"{file.name!r} came with the MD5 {found} where the archive's list says {file.md5}: something on the way "
            "changes it, try another network or another --base-url"
        )
