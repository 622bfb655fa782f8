"""Raw files by name, in folders and at URLs; charts of ready-to-train test scenes lie beside there too."""

import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from datasets.errors import LakeAccessError
from datasets.lake import Lake
from datasets.storage import exists
from ingest.convert import convert_scene
from ingest.errors import NoSourceError, RawSceneError
from ingest.product import open_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from ingest.source import find_sources, parse_name
from tests.ingest.forms import write_form
from tests.ingest.kept_workers import command
from tests.object_store import ObjectStore

RECIPE = Recipe(ratios=(2, 10))


def test_sources_are_sorted_and_named_once(raw_train: list[Path]) -> None:
    folder = str(raw_train[0].parent)
    found = find_sources([folder, str(raw_train[2])])
    assert found == sorted(str(path) for path in raw_train)
    assert find_sources([raw_train[0].parent.as_uri(), raw_train[2].as_uri()]) == found
    with pytest.raises(NoSourceError):
        find_sources(["/nowhere"])


@pytest.mark.parametrize(
    ("name", "scene_id", "region"),
    [
        (
            "S1A_EW_GRDM_1SDH_20180325T194759_20180325T194859_021176_024676_449C"
            "_icechart_dmi_201803251945_SouthEast_RIC.nc",
            "20180325T194759_dmi",
            "SouthEast",
        ),
        (
            "S1A_EW_GRDM_1SDH_20180707T122209_20180707T122309_022692_02757A_4F1C"
            "_icechart_cis_SGRDIFOXE_20180707T1214Z_pl_a_testdata.nc",
            "20180707T122209_cis",
            "SGRDIFOXE",
        ),
    ],
)
def test_names_of_the_archive(name: str, scene_id: str, region: str) -> None:
    found = parse_name(f"/archive/{name}")
    assert (found.scene_id, found.region) == (scene_id, region)
    assert found.file_name == name.replace("_testdata", "")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a ready-to-train test scene and its reference file."""
    folder = tmp_path_factory.mktemp("ready")
    (raw,) = write_samples(tmp_path_factory.mktemp("raw"), scenes=1, lines=420, samples=520, seed=3)
    write_form(raw, folder, "ready-to-train-test")
    return folder


@pytest.fixture
def reference(ready: Path) -> Path:
    return next(ready.glob("*_prep_reference.nc"))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def web(ready: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(ready))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def memory(ready: Path, tmp_path: Path) -> str:
    url = f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").put(str(ready), f"/{tmp_path.name}", recursive=True)
    return url


@pytest.mark.slow
@pytest.mark.parametrize("place", ["memory", "web"])
def test_scene_and_charts_are_read_at_a_url(
    ready: Path, temporary: Path, tmp_path: Path, place: str, request: pytest.FixtureRequest
) -> None:
    [path] = find_sources([str(ready)])
    [url] = find_sources([request.getfixturevalue(place)])
    assert url.rpartition("/")[2] == Path(path).name
    assert find_sources([url]) == [url]
    records = []
    for number, source in enumerate((path, url)):
        lake = Lake.create(str(tmp_path / f"lake{number}"), RECIPE.to_lake())
        records.append(convert_scene(source, RECIPE, lake, "test"))
    assert records[0] == records[1]
    assert records[1].charted
    assert not list(temporary.iterdir())
    assert Path(path).exists()


def test_charts_at_a_url_may_come_later_and_may_be_torn(
    memory: str, reference: Path, temporary: Path, tmp_path: Path
) -> None:
    store, key = fsspec.filesystem("memory"), f"{memory.removeprefix('memory:/')}/{reference.name}"
    store.rm(key)
    [url] = find_sources([memory])
    lake = Lake.create(str(tmp_path / "lake"), RECIPE.to_lake())
    assert not convert_scene(url, RECIPE, lake, "test").charted
    store.put_file(str(reference), key)
    assert find_sources([memory]) == [url]
    record = convert_scene(url, RECIPE, lake, "test")
    assert record.charted
    assert convert_scene(url, RECIPE, lake, "test") == record
    store.pipe_file(key, b"torn")
    with (
        pytest.raises(RawSceneError, match=r"'memory://.*prep_reference.nc' cannot be read as netCDF"),
        open_scene(url),
    ):
        pass
    assert not list(temporary.iterdir())


def test_what_is_not_there_is_one_sentence(memory: str, web: str, reference: Path) -> None:
    with pytest.raises(NoSourceError, match=r"holds no \*.nc file"):
        find_sources([f"{memory}/nothing"])
    with pytest.raises(NoSourceError, match=r"holds no \*.nc file"):
        find_sources([f"{web}nothing.nc"])
    with pytest.raises(NoSourceError, match="holds the charts of a scene, not the scene"):
        find_sources([f"{memory}/{reference.name}"])
    with pytest.raises(LakeAccessError, match=r"does not answer \(nothing listens at 127\.0\.0\.1:1\); check the addr"):
        find_sources(["http://127.0.0.1:1/raw/"])
    with pytest.raises(LakeAccessError, match="cannot be reached"):
        exists(f"http://127.0.0.1:1/{reference.name}")
    with pytest.raises(LakeAccessError, match="with a password in it is not allowed"):
        find_sources(["https://me:secret@example.org/raw/"])


def test_paths_come_out_absolute(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ready.parent)
    assert find_sources([ready.name]) == find_sources([str(ready)])


@pytest.mark.slow
def test_a_bucket_is_built_like_the_folder(s3: ObjectStore, ready: Path, tmp_path: Path) -> None:
    bucket = fsspec.filesystem("s3", use_listings_cache=False)
    for file in ready.iterdir():
        bucket.put_file(str(file), f"lake/ready/{file.name}")
    options = ("--ratios", "2", "10", "--split", "test")
    for source, lake in (("s3://lake/ready", tmp_path / "lake"), (ready, tmp_path / "local")):
        result = command("build", source, "--lake", lake, *options)
        assert result.exit_code == 0, result.output
    assert Lake.open(str(tmp_path / "lake")).digest == Lake.open(str(tmp_path / "local")).digest
    assert all(record.charted for record in Lake.open(str(tmp_path / "lake")).catalog())


def test_hidden_files_are_no_scenes(raw_train: list[Path], tmp_path: Path) -> None:
    """As macOS, office programs and network disks leave them beside the files that they belong to."""
    name = raw_train[0].name
    (tmp_path / name).touch()
    for hidden in (f"._{name}", f".~lock.{name}#", f".{name}", ".nfs0000000000a1.nc", ".DS_Store", f"{name}.part"):
        (tmp_path / hidden).write_bytes(b"\0")
    assert find_sources([str(tmp_path)]) == [str(tmp_path / name)]
    with pytest.raises(NoSourceError, match=r"is a hidden file that a system or a program left, no scene"):
        find_sources([str(tmp_path / f"._{name}")])
