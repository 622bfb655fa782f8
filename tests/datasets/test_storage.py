"""Objects on disk: written in one step, also when others write at the same time."""

import threading
from collections.abc import Iterator
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


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"begun"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replace(str(tmp_path / "object"), parts())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["{folder}/object", "memory://icebench-parts/object"])
def test_parts_of_an_object_follow_each_other(tmp_path: Path, place: str) -> None:
    url = place.format(folder=tmp_path)
    assert replace(url, iter([b"one", memoryview(b" and "), b"two"])) == 11
    assert read(url) == b"one and two"
    assert replace(url, b"whole") == 5
    assert read(url) == b"whole"


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
