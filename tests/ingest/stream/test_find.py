"""What a build is given becomes scenes in the order of their archive, and only lists are read for it."""

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from datasets.errors import SplitError, UnknownNameError
from ingest.download.errors import ArchiveChangedError
from ingest.errors import NoSourceError, ZipArchiveError
from ingest.stream.containers import DiskFile, StoreFile, WebFile
from ingest.stream.find import Found, archive_of, find_scenes
from ingest.stream.zips import ZipMember
from tests.ingest.download.archive_server import ArchiveServer
from tests.ingest.stream.zip_archives import zipped

READY = "20180721T120156_cis_prep.nc"
CHARTS = READY.replace(".nc", "_reference.nc")
pytestmark = pytest.mark.usefixtures("at_once")


def no_whole(file: WebFile) -> DiskFile:
    raise AssertionError(file)


@pytest.fixture
def find(server: ArchiveServer) -> Callable[..., Found]:
    return lambda *raw: find_scenes([str(each) for each in raw], base_url=server.url, fetch_whole=no_whole)


def test_a_published_archive_is_its_zips_and_scenes_in_order(server: ArchiveServer, find: Callable[..., Found]) -> None:
    server.files |= {
        "b.zip": zipped({"x/2.nc": b"2", "x/1.nc": b"1", "x/read.txt": b"", "../3.nc": b"3"}),
        "a.zip": zipped({"9.nc": b"9" * 9}),
        "c.nc": b"c" * 7,
        "manual.pdf": b"how to",
    }
    found = find("figshare:raw-test")
    names = ["a.zip/9.nc", "b.zip/../3.nc", "b.zip/x/2.nc", "b.zip/x/1.nc", "c.nc"]
    assert sorted(found.paths) == sorted(f"raw-test/{name}" for name in names)
    assert [path for path in found.paths if path in found.files] == [
        f"raw-test/{name}" for name in names if "3.nc" not in name
    ]
    assert [*found.refused] == ["raw-test/b.zip/../3.nc"]
    assert [scene.size for scene in found.files.values()] == [9, 1, 1, 7]
    assert "c.nc" not in server.asked
    assert "manual.pdf" not in server.asked


def test_a_published_archive_says_which_it_is_by_its_name() -> None:
    test = ["figshare:raw-test", "a.nc"]
    assert (archive_of(test, None), archive_of(test, "test"), archive_of(["a.nc"], None)) == ("test", "test", "train")
    assert archive_of(["a.nc"], "predict") == "predict"
    with pytest.raises(SplitError, match="figshare:raw-test is the test archive: leave --split out"):
        archive_of(test, "train")
    with pytest.raises(SplitError, match="with a command of their own"):
        archive_of([*test, "figshare:raw-train"], None)
    with pytest.raises(UnknownNameError, match="did you mean 'raw-train'"):
        archive_of(["figshare:raw-trian"], None)


def test_charts_are_found_wherever_they_lie(server: ArchiveServer, find: Callable[..., Found], tmp_path: Path) -> None:
    server.files |= {"scenes.zip": zipped({f"a/{READY}": b"1"}), "charts.zip": zipped({f"b/{CHARTS}": b"22"})}
    (scene,) = find("figshare:rtt-test").files.values()
    assert isinstance(scene.reference, ZipMember)
    assert (scene.reference.archive.name, scene.size) == ("rtt-test/charts.zip", 3)
    fsspec.filesystem("memory").pipe({f"/charts/{READY}": b"1", f"/charts/{CHARTS}": b"22"})
    (scene,) = find("memory://charts").files.values()
    assert scene.reference == StoreFile(url=f"memory://charts/{CHARTS}")
    (tmp_path / READY).write_bytes(b"1")
    assert find(tmp_path) == Found(paths=[str(tmp_path / READY)])


def test_zips_by_path_folder_and_url(server: ArchiveServer, find: Callable[..., Found], tmp_path: Path) -> None:
    content = zipped({"1.nc": b"1"})
    (tmp_path / "a.zip").write_bytes(content)
    (tmp_path / "b.ZIP").write_bytes(zipped({"2.nc": b"2"}))
    assert find(tmp_path).paths == [f"{tmp_path}/a.zip/1.nc", f"{tmp_path}/b.ZIP/2.nc"]
    assert find(tmp_path / "b.ZIP").paths == [f"{tmp_path}/b.ZIP/2.nc"]
    assert find((tmp_path / "a.zip").as_uri()).paths == [f"{tmp_path}/a.zip/1.nc"]
    (tmp_path / "c.nc").write_bytes(b"")  # what was unzipped beside its archive is not taken twice
    assert find(tmp_path).paths == [f"{tmp_path}/c.nc"]
    fsspec.filesystem("memory").pipe_file("/zips/a.zip", content)
    assert find("memory://zips").paths == find("memory://zips/a.zip").paths == ["memory://zips/a.zip/1.nc"]
    server.files |= {"a.zip": content, "1.nc": b"1"}
    root = server.url.removesuffix("/v2")
    assert find(f"{root}/named/a.zip?key=secret").paths == [f"{root}/named/a.zip/1.nc"]
    (scene,) = find(f"{root}/named/1.nc?key=secret").files.values()
    assert (scene.path, scene.size) == (f"{root}/named/1.nc", 1)


def test_an_archive_given_twice_or_with_charts_alone(find: Callable[..., Found], tmp_path: Path) -> None:
    scenes, charts = tmp_path / "scenes.zip", tmp_path / "charts.zip"
    scenes.write_bytes(zipped({READY: b"1"}))
    charts.write_bytes(zipped({CHARTS: b"22"}))
    for given in ((scenes, charts), (charts, scenes, scenes)):
        (scene,) = find(*given).files.values()
        assert (scene.path, scene.size) == (f"{scenes}/{READY}", 3)
    with pytest.raises(NoSourceError, match=f"{CHARTS}' and what else is given are charts"):
        find(charts)


def test_a_member_that_was_added_to_its_archive_again(find: Callable[..., Found], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the library: that is what is tried here
        for name, content in (("1.nc", b"old"), ("2.nc", b"same"), ("1.nc", b"new"), ("2.nc", b"same")):
            archive.writestr(name, content)
    found = find(tmp_path)
    assert found.paths == [f"{tmp_path}/a.zip/1.nc", f"{tmp_path}/a.zip/2.nc"]
    assert [*found.refused] == [f"{tmp_path}/a.zip/1.nc"]
    assert "is there twice with other bytes" in found.refused[f"{tmp_path}/a.zip/1.nc"]


def test_a_server_without_parts_is_asked_for_the_whole(server: ArchiveServer) -> None:
    content = zipped({"1.nc": b"1"})
    server.files["a.zip"] = content
    server.always["a.zip"] = "whole"
    path = Path("/nowhere/archive.zip")

    def whole(file: WebFile) -> DiskFile:
        assert (file.name, file.size) == ("raw-train/a.zip", len(content))
        return DiskFile(path=str(path), size=len(content), copy_of=file.name)

    with pytest.raises(ArchiveChangedError, match=str(path)):
        find_scenes(["figshare:raw-train"], base_url=server.url, fetch_whole=whole)


def test_what_is_no_source_is_one_sentence(server: ArchiveServer, find: Callable[..., Found], tmp_path: Path) -> None:
    (tmp_path / "page.zip").write_bytes(b"<html>")
    (tmp_path / "empty").mkdir()
    root = server.url.removesuffix("/v2")
    server.files |= {"a.zip": zipped({"read.txt": b"1"})}
    for given, error, words in (
        (tmp_path / "page.zip", ZipArchiveError, "page.zip' cannot be read as a zip archive"),
        (tmp_path / "none.zip", NoSourceError, "none.zip' does not exist"),
        ("memory://zips/none.zip", NoSourceError, "none.zip' does not exist"),
        (tmp_path / "empty", NoSourceError, r"holds no \*.nc file"),
        ("figshare:raw-train", NoSourceError, r"'figshare:raw-train' holds no \*.nc file"),
        (f"{root}/named/b.zip", NoSourceError, "the server answers 404 Not Found; check the address"),
    ):
        with pytest.raises(error, match=words):
            find(given)
    server.entries["a.zip"] = {"size": 7}
    with pytest.raises(ArchiveChangedError, match=r"'raw-train/a.zip' has 7 bytes by the archive's list"):
        find("figshare:raw-train")
