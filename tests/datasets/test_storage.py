"""Objects on disk: written in one step, also when others write at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datasets.storage import create, read, remove, replace
from tests.object_store import ObjectStore


def test_writers_of_one_object_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Readers see one of the contents whole, every writer ends, and nothing is left lying about."""
    target = tmp_path / "folder" / "object"
    contents = [bytes([number]) * 2_000_000 for number in range(4)]

    def write(content: bytes) -> None:
        for _ in range(15):
            replace(str(target), content)
            assert target.read_bytes() in contents

    with ThreadPoolExecutor(len(contents)) as threads:
        list(threads.map(write, contents))
    assert [path.name for path in target.parent.iterdir()] == ["object"]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        replace(str(tmp_path / "object"), b"content")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_only_one_creates_an_object(s3: ObjectStore) -> None:
    url = "s3://lake/race"
    won: list[int] = []

    def run(number: int) -> None:
        if create(url, str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert read(url) == str(won[0]).encode()
    remove(url)
    remove(url)
    assert read(url) is None
