"""What a build is given -> the scenes in it, in the order of their archive, each with where its bytes are."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from datasets.access import absolute, is_url, scheme_of
from datasets.errors import SplitError
from datasets.prefixes import names
from datasets.scene import Archive
from datasets.storage import exists
from ingest.download.archives import find_archive
from ingest.download.errors import WebError
from ingest.download.listing import list_files
from ingest.download.web import Web
from ingest.errors import NoSourceError
from ingest.source import find_sources, is_ready_to_train, is_reference, reference_path
from ingest.stream.containers import Container, DiskFile, StoreFile, WebFile
from ingest.stream.origins import Origin, SceneFile
from ingest.stream.zips import ZipMember, list_members

FIGSHARE: Final = "figshare:"


@dataclass(kw_only=True)
class Found:
    """The scenes of a build.

    Attributes:
        paths: All of them, as people are told them; those that are not among the `files` can be read where they are.
        files: Those that have to be fetched or unpacked, by path.
        refused: Sentence for each path that is no scene one can use.
    """

    paths: list[str] = field(default_factory=list)
    files: dict[str, SceneFile] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def archive_of(raw: Iterable[str], asked: Archive | None) -> Archive:
    """Which archive the scenes are from, by the names of published ones among what is given, else as asked.

    Raises:
        UnknownNameError: There is no published archive of a name.
        SplitError: One is another than is asked, or than another one.
    """
    given = [find_archive(each.removeprefix(FIGSHARE)) for each in raw if each.startswith(FIGSHARE)]
    splits = {archive.split for archive in given} | ({asked} if asked else set())
    if given and len(splits) > 1:
        raise SplitError(
            f"{FIGSHARE}{given[0].name} is the {given[0].split} archive: leave --split out, and build scenes of the "
            "other archive with a command of their own"
        )
    return splits.pop() if splits else "train"


def find_scenes(raw: Iterable[str], *, base_url: str, fetch_whole: Callable[[WebFile], DiskFile]) -> Found:
    """Lists scenes; of remote archives only the list is read.

    Args:
        raw: `figshare:NAME`, zip archives, netCDF files and folders of either, on disk or at URLs; a folder with
            netCDF files gives these, another its zip archives.
        base_url: Root of the figshare interface.
        fetch_whole: Brings a zip archive here whose server does not send parts of it.

    Raises:
        NoSourceError: Something does not exist, or holds no scene.
        ZipArchiveError: A zip archive is none.
        ArchiveListError: The list of a published archive cannot be had.
        WebError: A server does not answer.
        LakeAccessError: The store of a URL cannot be reached.
    """
    found, references = Found(), dict[str, Origin]()
    for given in raw:
        before = len(found.paths)
        origins = [*_origins(given, found, base_url, fetch_whole)]
        if not origins and len(found.paths) == before:
            raise NoSourceError(f"{given!r} holds no *.nc file: give the zip archives or netCDF files of AI4Arctic")
        for path, origin in origins:
            if origin is None:
                found.paths.append(path)
            elif is_reference(path):
                references[PurePosixPath(path).name] = origin
            elif path not in found.files:
                found.paths.append(path)
                found.files[path] = SceneFile(path=path, origin=origin)
            elif not _same(origin, found.files[path].origin):
                found.refused[path] = f"{path!r} is there twice with other bytes: give the right file, unpacked"
    if not found.paths:
        raise NoSourceError(
            f"{next(iter(references))!r} and what else is given are charts of ready-to-train scenes: give the archive "
            "of the scenes too"
        )
    for path, scene in found.files.items():
        if is_ready_to_train(path):
            reference = references.get(PurePosixPath(reference_path(path)).name) or _beside(scene)
            found.files[path] = replace(scene, reference=reference)
    found.paths = list(dict.fromkeys(found.paths))
    return found


def _origins(
    given: str, found: Found, base_url: str, fetch_whole: Callable[[WebFile], DiskFile]
) -> Iterator[tuple[str, Origin | None]]:
    """Path and place of each file with scenes or charts; no place for what is on disk as it is."""
    if given.startswith(FIGSHARE):
        archive = find_archive(given.removeprefix(FIGSHARE))
        with Web() as web:
            listed = list_files(archive, base_url, web)
        for each in listed:
            file = WebFile(name=f"{archive.name}/{each.name}", urls=each.urls, size=each.size, md5=each.md5)
            if _is_zip(each.name):
                yield from _of_zip(_readable(_asked(file), fetch_whole), found)
            elif each.name.endswith(".nc"):
                yield file.name, file
        return
    if scheme_of(given) in ("http", "https") and _name(given).lower().endswith((".zip", ".nc")):
        url = absolute(given)
        file = _asked(WebFile(name=url.partition("?")[0], urls=(url,)))
        if _is_zip(_name(url)):
            yield from _of_zip(_readable(file, fetch_whole), found)
        else:
            yield file.name, file
        return
    if _is_zip(given):
        yield from _of_zip(_container(given), found)
        return
    try:
        paths = find_sources([given])
    except NoSourceError:
        place = absolute(given)
        zips = [] if place.endswith(".nc") else [f"{place}/{name}" for name in names(place) if _is_zip(name)]
        if not zips:
            raise
        for one in zips:
            yield from _of_zip(_container(one), found)
        return
    for path in paths:
        yield path, _place(path) if is_url(path) else None


def _of_zip(archive: Container, found: Found) -> Iterator[tuple[str, Origin]]:
    for member in list_members(archive):
        if isinstance(member, tuple):
            path, sentence = member
            if path.endswith(".nc"):
                found.paths.append(f"{archive.name}/{path}")
                found.refused[f"{archive.name}/{path}"] = sentence
        elif member.path.endswith(".nc"):
            yield member.name, member


def _container(place: str) -> Container:
    if scheme_of(place) in ("http", "https"):
        return _asked(WebFile(name=place, urls=(place,)))
    if is_url(place):
        return StoreFile(url=absolute(place)).sized()
    path = Path(absolute(place))
    if not path.is_file():
        raise NoSourceError(f"{place!r} does not exist: give zip archives, netCDF files, or folders that hold them")
    return DiskFile(path=str(path), size=path.stat().st_size)


def _place(url: str) -> Origin:
    return WebFile(name=url, urls=(url,)) if scheme_of(url) in ("http", "https") else StoreFile(url=url)


def _beside(scene: SceneFile) -> Origin | None:
    """Charts of a ready-to-train test scene at a URL of its own; in an archive they were listed with it."""
    url = reference_path(scene.path)
    alone = isinstance(scene.origin, WebFile | StoreFile) and is_url(url)
    return _place(url) if alone and exists(url) else None


def _same(one: Origin, other: Origin) -> bool:
    if isinstance(one, ZipMember) and isinstance(other, ZipMember):
        return (one.size, one.crc) == (other.size, other.crc)
    return one == other


def _asked(file: WebFile) -> WebFile:
    try:
        return file.asked()
    except WebError as error:
        raise NoSourceError(f"{file.name!r} cannot be had: {error}; check the address") from error


def _readable(file: WebFile, fetch_whole: Callable[[WebFile], DiskFile]) -> Container:
    return file if file.ranges else fetch_whole(file)


def _name(url: str) -> str:
    return url.partition("?")[0].rstrip("/")


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")
