"""What a folder of maps believes of its files; a scene of it is one process's at a time."""

import threading
from pathlib import Path

import pytest

from training.prediction import map_folder as module
from training.prediction.formats import Options
from training.prediction.map_folder import MapExistsError, MapFolder, MapInWorkError


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
        assert at_it.wait(60), "another scene is free"
        order.append("second")
    other.join(60)
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


def folder_of(path: Path, *formats: str, overwrite: bool = False) -> MapFolder:
    return MapFolder(path=path, formats=formats, options=Options(), overwrite=overwrite)


def made(folder: MapFolder, *names: str, content: str) -> list[Path]:
    work = folder.path / ".predict" / "scene.part"
    work.mkdir(parents=True, exist_ok=True)
    for name in names:
        (work / name).write_text(content)
    return [work / name for name in names]


@pytest.mark.parametrize("known", [True, False])
def test_a_run_that_is_killed_while_it_replaces_maps_leaves_no_old_one_as_a_new_one(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, names = folder_of(tmp_path, "netcdf", "png", overwrite=True), ("scene.nc", "scene.png")
    for name in names:
        (tmp_path / name).write_text("of something else")
    if known:
        nc, png = made(folder, *names, content="old")
        folder.publish("scene", "old", {"netcdf": [nc], "png": [png]})
    nc, png = made(folder, *names, content="new")
    real = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if target.name == "scene.png":
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        folder.publish("scene", "new", {"netcdf": [nc], "png": [png]})
    monkeypatch.undo()
    assert "png" in folder.missing("scene", "new")
    assert not (tmp_path / "scene.png").exists()


@pytest.mark.parametrize(
    ("form", "name"),
    [("netcdf", "scene.nc"), ("png", "scene.png"), ("geotiff", "scene_SOD_swath.tif")],
)
def test_files_of_somebody_else_are_not_replaced_unasked(form: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(MapExistsError, match=f"{name}' exists and was made by something else: give another --out"):
        folder_of(tmp_path, form).missing("scene", "new")
    assert folder_of(tmp_path, form, overwrite=True).missing("scene", "new") == (form,)
    assert folder_of(tmp_path, form).missing("another scene", "new") == (form,)
