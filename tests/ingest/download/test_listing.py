"""The list of files: read to its end, and no name of it leads out of the folder."""

import pytest

from datasets.errors import UnknownNameError
from ingest.download.archives import ARCHIVES
from ingest.download.errors import ArchiveListError
from ingest.download.listing import list_files, safe_name, select
from ingest.download.web import Web
from tests.ingest.download.archive_client import NAME, a_file
from tests.ingest.download.archive_server import ArchiveServer


def test_the_list_is_read_to_its_end_and_patiently(server: ArchiveServer) -> None:
    server.moods["list"] = [202, 503]
    slept: list[float] = []
    with Web(sleep=slept.append) as web:
        files = list_files(ARCHIVES["raw-train"], server.url + "/", web)
    assert [file.name for file in files] == [NAME, "empty.txt", "manual.pdf"]
    assert slept == [1.0, 2.0]
    assert server.paths[-1] == "/v2/articles/21284967/versions/3/files"


@pytest.mark.parametrize("mood", ["page", 404])
def test_what_is_no_list_is_said_so(server: ArchiveServer, mood: str | int) -> None:
    server.always["list"] = mood
    with Web() as web, pytest.raises(ArchiveListError, match="--base-url"):
        list_files(ARCHIVES["rtt-test"], server.url, web)


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\scene.zip", "scene.zip"),
        ("a\x00b\n.zip", "a_b_.zip"),
        ("..", ""),
        (".bashrc", "bashrc"),
        ("what?.zip", "what_.zip"),
        ("good name (1).zip", "good name (1).zip"),
    ],
)
def test_names_from_the_network_stay_in_the_folder(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_names_that_would_meet_are_kept_apart(server: ArchiveServer) -> None:
    server.entries["manual.pdf"] = {"name": "../" + NAME.upper()}
    server.entries["empty.txt"] = {"name": f"{NAME}.part"}
    with Web() as web:
        names = [file.name for file in list_files(ARCHIVES["raw-train"], server.url, web)]
    assert sorted(names) == sorted([NAME.upper(), f"1-{NAME}", f"3-{NAME}.part"])


def test_a_name_that_was_given_to_another_is_not_given_twice(server: ArchiveServer) -> None:
    server.files = {"a.zip": b"1", "A.zip": b"2", "1-a.zip": b"3"}
    with Web() as web:
        names = [file.name for file in list_files(ARCHIVES["raw-train"], server.url, web)]
    assert len({name.casefold() for name in names}) == 3


def test_only_takes_patterns_and_names_what_is_near() -> None:
    files = [a_file("train_2018.zip"), a_file("train_2019.zip"), a_file("manual.pdf")]
    assert select(files, []) == files
    assert [file.name for file in select(files, ["*2019*", "*.pdf"])] == ["train_2019.zip", "manual.pdf"]
    with pytest.raises(UnknownNameError, match=r"no file matches 'train_2018.zp'.*'train_2018.zip'"):
        select(files, ["train_2018.zp"])
