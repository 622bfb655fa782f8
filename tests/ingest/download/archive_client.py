"""What the tests of the download share: its content, and the two ways to use it, as a library and as a command."""

import hashlib
import os
from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from ingest.download.archives import ARCHIVES, PublishedFile
from ingest.download.command import download
from ingest.download.fetch import fetch_file
from ingest.download.listing import list_files
from ingest.download.web import Web
from tests.ingest.download.archive_server import ArchiveServer

NAME = "S1_train_2018.zip"
BLOCK = 1 << 16
CONTENT = os.urandom(16 * BLOCK)


class Client:
    """The download as a library, with sleeps that are only noted."""

    def __init__(self, server: ArchiveServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.slept: list[float] = []
        self.progress: list[tuple[str, str, int, int]] = []

    def fetch(self, name: str = NAME, tries: int = 4) -> bytes:
        with Web(tries=tries, sleep=self.slept.append) as web:
            files = {file.name: file for file in list_files(ARCHIVES["raw-train"], self.server.url, web)}
            self.server.paths.clear()
            fetch_file(files[name], self.folder, web, lambda *step: self.progress.append(step))
        return (self.folder / name).read_bytes()


def run(server: ArchiveServer | None, *words: object) -> Result:
    app = typer.Typer()
    app.command("download")(download)
    env = {"COLUMNS": "200", "ICEBENCH_ARCHIVE_URL": server.url if server else "http://127.0.0.1:9/v2"}
    return CliRunner().invoke(app, [str(word) for word in words], env=env)


def said(result: Result) -> str:
    return " ".join(result.output.split())


def a_file(name: str = NAME, content: bytes = CONTENT) -> PublishedFile:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return PublishedFile(name=name, size=len(content), md5=md5, urls=("http://127.0.0.1:9/1",))
