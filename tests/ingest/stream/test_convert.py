"""One scene in a worker: fetched, checked, converted and removed; nothing is fetched for one that is finished."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from datasets.splits import WITHDRAWN
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.download.errors import DiskSpaceError
from ingest.errors import MemberError, RawSceneError, SceneNameError
from ingest.found_stores import store_names
from ingest.recipe import Recipe
from ingest.stream.containers import DiskFile
from ingest.stream.convert import convert_source
from ingest.stream.find import archive_of, find_scenes
from ingest.stream.origins import fetch
from ingest.stream.scratch import Scratch
from ingest.stream.zips import ZipMember, list_members
from tests.ingest.download.archive_server import ArchiveServer
from tests.ingest.forms import write_form
from tests.ingest.stream.zip_archives import named, with_wrong_crc, zipped

RECIPE = Recipe(ratios=(10,))
pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return Scratch.of_lake("lake", limit=100_000_000, connections=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(str(tmp_path / "lake"), RECIPE.to_lake())


def convert(server: ArchiveServer, lake: Lake, scratch: Scratch, archive: str = "raw-train"):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Records and errors of the scenes of an archive, in order."""
    given = [f"figshare:{archive}"]
    found = find_scenes(given, base_url=server.url, fetch_whole=lambda file: pytest.fail(file.name))
    server.asked.clear()
    outcomes = []
    for scene in found.files.values():
        try:
            outcomes.append(convert_source(scene, RECIPE, lake, archive_of(given, None), scratch, in_turn=True))
        except Exception as error:  # noqa: BLE001 - looked at by the test
            outcomes.append(error)
        assert not list(scratch.folder.glob("[0-9]*"))
    return outcomes


@pytest.mark.slow
def test_a_member_and_a_whole_file_are_what_they_are_on_disk(
    raw_train: list[Path], server: ArchiveServer, lake: Lake, scratch: Scratch, tmp_path: Path
) -> None:
    server.files |= {"a.zip": zipped(named(raw_train[:1])), raw_train[1].name: raw_train[1].read_bytes()}
    server.moods["a.zip"] = ["", "", "drop", 429]
    server.moods[raw_train[1].name] = ["drop", 202]
    local = Lake.create(str(tmp_path / "local"), RECIPE.to_lake())
    expected = [convert_scene(str(path), RECIPE, local, "train") for path in raw_train[:2]]
    assert sorted(convert(server, lake, scratch), key=str) == sorted(expected, key=str)
    assert set(server.asked) == set(server.files)
    assert sorted(convert(server, lake, scratch), key=str) == sorted(expected, key=str)
    assert not server.asked


def test_what_comes_wrong_is_asked_twice_and_told_by_its_name(
    raw_train: list[Path], server: ArchiveServer, lake: Lake, scratch: Scratch
) -> None:
    whole = raw_train[1].name
    files = {**named(raw_train[:1]), f"train/{raw_train[2].name}": b"no netCDF", "train/holiday.nc": b"x" * 100}
    server.files |= {"a.zip": with_wrong_crc(zipped(files), f"train/{raw_train[0].name}"), whole: b"no netCDF either"}
    server.always[whole] = "corrupt"
    by_md5, crc, torn, name = sorted(convert(server, lake, scratch), key=lambda each: "MD5" not in str(each))
    assert isinstance(crc, MemberError)
    assert f"'raw-train/a.zip/train/{raw_train[0].name}' has" in str(crc)
    assert isinstance(by_md5, MemberError)
    assert f"'raw-train/{whole}' came with the MD5" in str(by_md5)
    assert isinstance(torn, RawSceneError)
    assert str(torn).startswith(f"'raw-train/a.zip/train/{raw_train[2].name}' cannot be read as netCDF")
    assert isinstance(name, SceneNameError)
    assert len(server.asked["a.zip"]) == 3, "the wrong one twice, the torn one once, the holiday never"
    assert len(server.asked[whole]) == 2
    assert not store_names(lake)


def test_a_disk_that_is_full_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content := zipped({"a.nc": bytes(5_000_000)}))
    (member,) = list_members(DiskFile(path=f"{tmp_path}/a.zip", size=len(content)))
    assert isinstance(member, ZipMember)
    with pytest.raises(DiskSpaceError, match="the disk of '/dev' is full: free some space and give the same command"):
        fetch(member, Path("/dev/full"))


def test_charts_of_a_ready_to_train_scene_come_with_it(
    raw_train: list[Path], server: ArchiveServer, lake: Lake, scratch: Scratch, tmp_path: Path
) -> None:
    (tmp_path / "forms").mkdir()
    path = write_form(raw_train[0], tmp_path / "forms", "ready-to-train-test")
    charts = path.with_name(path.name.replace("_prep", "_prep_reference"))
    server.files["a.zip"] = zipped({path.name: path.read_bytes()})
    (without,) = convert(server, lake, scratch, "rtt-test")
    assert not without.charted
    server.files["charts.zip"] = zipped({charts.name: charts.read_bytes()})
    (record,) = convert(server, lake, scratch, "rtt-test")
    assert record.charted
    assert convert(server, lake, scratch, "rtt-test") == [record]
    assert not server.asked


@pytest.mark.slow
def test_the_withdrawn_scene_is_converted_and_unused(
    raw_train: list[Path], server: ArchiveServer, lake: Lake, scratch: Scratch
) -> None:
    ((withdrawn, reason),) = WITHDRAWN.items()
    name = "S1A_EW_GRDM_1SDH_20200625T081801_20200625T081901_033173_03D7D3_0A0B"
    name += "_icechart_dmi_202006250820_CentralEast_RIC.nc"
    server.files["a.zip"] = zipped({name: raw_train[0].read_bytes(), **named(raw_train[1:3])})
    records = convert(server, lake, scratch)
    assert records[0].scene_id == withdrawn
    publish(lake, records, SplitOptions())
    row = Lake.open(lake.url).catalog()[withdrawn]
    assert (row.split, row.unused) == ("unused", reason)
    publish(lake, records, SplitOptions(include_withdrawn=True))
    row = Lake.open(lake.url).catalog()[withdrawn]
    assert row.split in ("train", "val")
    assert row.unused is None
