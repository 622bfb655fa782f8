"""A scene of a folder of maps is one process's at a time."""

import threading
from pathlib import Path

import pytest

from training.prediction import map_folder as module
from training.prediction.formats import Options
from training.prediction.map_folder import MapFolder, MapInWorkError


@pytest.fixture
def folder(tmp_path: Path) -> MapFolder:
    return MapFolder(path=tmp_path / "maps", formats=("zarr",), options=Options())


def test_two_are_never_at_one_scene_and_the_second_waits(folder: MapFolder) -> None:
    at_it, order = threading.Event(), list[str]()

    def first() -> None:
        with folder.alone("a"):
            at_it.set()
            with folder.alone("b"):
                order.append("first")

    with folder.alone("b"):
        other = threading.Thread(target=first)
        other.start()
        assert at_it.wait(10), "another scene is free"
        order.append("second")
    other.join(10)
    assert order == ["second", "first"]


def test_nobody_waits_for_ever(folder: MapFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.1)
    with (
        folder.alone("a"),
        pytest.raises(MapInWorkError, match=r"another process is making the map of a in .*: repeat the command"),
        folder.alone("a"),
    ):
        pytest.fail("two are at it")


def test_copies_beside_the_maps_are_gone_afterwards(folder: MapFolder, tmp_path: Path) -> None:
    file = tmp_path / "best.pt"
    file.write_bytes(b"weights")
    with folder.beside([file, file]) as copies, folder.beside([file]) as others:
        assert [copy.read_bytes() for copy in (*copies, *others)] == [b"weights"] * 3
        assert len({*copies, *others}) == 3, "each run has its own"
    assert [*(folder.path / ".predict").iterdir()] == []
