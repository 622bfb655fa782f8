import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from netCDF4 import Dataset
from scipy import ndimage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score

from datasets.errors import IceBenchError
from datasets.seasons import season_of
from ingest.sample import SampleError, write_samples
from ingest.sample.radiometer import CHANNELS
from ingest.source import parse_name
from tests.ingest.sample.sample_charts import LINES, SAMPLES, SCENES, charts_of, classes_of


def read(path: Path, name: str) -> np.ndarray:
    with Dataset(path) as file:
        file.set_auto_mask(False)
        return np.asarray(file[name][:])


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with Dataset(path) as file:
        file.set_auto_mask(False)
        for name, variable in file.variables.items():
            values = variable[:]
            found.update(name.encode() + (str(list(values)).encode() if values.dtype == object else values.tobytes()))
            found.update(str([variable.getncattr(a) for a in variable.ncattrs()]).encode())
    return found.hexdigest()


@pytest.mark.slow
def test_names_round_trip_and_say_that_nobody_flew(scene_paths: list[Path]) -> None:
    names = [parse_name(str(path)) for path in scene_paths]
    assert [name.file_name for name in names] == [path.name for path in scene_paths]
    assert len({name.scene_id for name in names}) == SCENES
    assert all(name.orbit >= 900_000 for name in names)
    assert {name.provider for name in names} == {"dmi", "cis"}
    assert {season_of(name.stop) for name in names[:4]} == {"winter", "spring", "summer", "fall"}
    assert len({name.region for name in names}) >= 8


def test_frames_of_one_pass_follow_each_other(scene_paths: list[Path]) -> None:
    first, second = (parse_name(str(scene_paths[i])) for i in (3, 4))
    assert second.start == first.stop
    assert (second.orbit, second.satellite, second.region) == (first.orbit, first.satellite, first.region)
    ends, begins = (read(scene_paths[i], "sar_grid_latitude").reshape(-1, 21) for i in (3, 4))
    np.testing.assert_allclose(ends[-1], begins[0], atol=0.01)
    passes = Counter((n.satellite, n.orbit) for n in (parse_name(str(p)) for p in scene_paths))
    assert sum(passes.values()) - len(passes) == 2  # follow-ups


def test_short_acquisitions_have_fewer_lines_and_tie_lines(scene_paths: list[Path]) -> None:
    for index, seconds in ((0, 60), (3, 40), (11, 25)):
        lines = max(100, LINES * seconds // 60)
        assert read(scene_paths[index], "nersc_sar_primary").shape == (lines, SAMPLES)
        line = read(scene_paths[index], "sar_grid_line")
        assert np.unique(line).size == -(-seconds // 3) + 1
        assert np.unique(read(scene_paths[index], "sar_grid_sample")).size == 21
        assert (line[0], line[20], line[-1]) == (0, 0, lines - 1)


def test_geolocation_is_plausible(scene_paths: list[Path]) -> None:
    headings = set()
    for path in scene_paths:
        latitude = read(path, "sar_grid_latitude").reshape(-1, 21)
        longitude = read(path, "sar_grid_longitude").reshape(-1, 21)
        angle = read(path, "sar_grid_incidenceangle").reshape(-1, 21)
        assert (angle[:, 0].min(), angle[:, -1].max()) == (pytest.approx(19.11, abs=0.1), pytest.approx(46.7, abs=0.1))
        assert (np.diff(angle, axis=1) > 0).all()
        assert ((latitude > 45) & (latitude < 86)).all()
        assert ((longitude >= -180) & (longitude <= 180)).all()
        east = np.radians(longitude[0, -1] - longitude[0, 0]) * np.cos(np.radians(latitude[0, 0])) * 6371
        north = np.radians(latitude[0, -1] - latitude[0, 0]) * 6371
        assert np.hypot(east, north) == pytest.approx(0.04 * (SAMPLES - 1), rel=0.02)
        assert (read(path, "sar_grid_height") == 0).all()
        headings.add(bool(latitude[-1, 10] > latitude[0, 10]))
    assert headings == {True, False}


def test_codes_name_every_polygon_and_leave_gaps(scene_paths: list[Path]) -> None:
    firsts = []
    for path in scene_paths:
        polygons, rows = read(path, "polygon_icechart"), list(read(path, "polygon_codes"))
        assert rows[0] == "poly_id;CT;CA;SA;FA;CB;SB;FB;CC;SC;FC;CN;CD;CF;POLY_TYPE"
        assert all(row.count(";") == 14 for row in rows)
        ids = [int(row.split(";")[0]) for row in rows[1:]]
        assert ids == sorted(set(ids))
        assert set(np.unique(polygons[~np.isnan(polygons)]).astype(int)) == set(ids)
        assert len(ids) < ids[-1] - ids[0] + 1
        assert 8 <= len(ids) <= 45
        firsts.append(ids[0])
    assert min(firsts) == 0
    assert max(firsts) > 1


def test_services_spell_their_codes(scene_paths: list[Path]) -> None:
    rows = {"dmi": [], "cis": []}
    for path in scene_paths:
        rows[parse_name(str(path)).provider] += [row.split(";", 1)[1] for row in read(path, "polygon_codes")[1:]]
    assert "02;-9;98;10;-9;-9;-9;-9;-9;-9;-9;-9;10-9;W" in rows["cis"]
    assert ";".join(["-9"] * 13 + ["W"]) in rows["dmi"]
    assert all(row.split(";")[12].endswith("-9") and len(row.split(";")[12]) == 4 for row in rows["cis"])
    assert all(row.split(";")[12] in ("-9", "19") for row in rows["dmi"])
    assert any(row.split(";")[3] == "08" and row.split(";")[0] == "92" for row in rows["cis"])
    assert any(row.split(";")[3] in ("3", "4", "5") for row in rows["dmi"])
    both = rows["dmi"] + rows["cis"]
    assert any(row.split(";")[10] == "95" for row in both)
    ambiguous = [row for row in both if classes_of("0;" + row)[2] == 255]
    assert 0.05 < len(ambiguous) / len(both) < 0.6


def test_nan_rules(scene_paths: list[Path]) -> None:
    differ = 0
    for path in scene_paths:
        hh, hv = (np.isnan(read(path, f"nersc_sar_{n}")) for n in ("primary", "secondary"))
        assert 0.004 < (hh | hv).mean() < 0.035
        assert not hh[hh.shape[0] // 4 : -hh.shape[0] // 4, 40:-40].any()
        differ += not np.array_equal(hh, hv)
        polygons, zone = read(path, "polygon_icechart"), read(path, "distance_map")
        assert np.isnan(polygons[zone == 0]).all()
        assert not np.isnan(zone).any()
        assert ((zone % 1 == 0) & (zone >= 0) & (zone <= 41)).all()
        assert zone.min() > 0 or not hh[zone == 0].all()  # land is not masked
        channels = [read(path, f"btemp_{n}") for n in ("6_9h", "6_9v", "89_0h", "89_0v")]
        assert channels[0].shape == (hh.shape[0] // 50, hh.shape[1] // 50)
        assert all(((c * 128) % 1 == 0)[~np.isnan(c)].all() for c in channels)
        assert all((h < v)[~np.isnan(h + v)].all() for h, v in (channels[:2], channels[2:]))
        assert (read(path, "tclw") >= 0).all()
    assert 0 < differ < SCENES


def test_class_shares_follow_the_archive(scene_paths: list[Path]) -> None:
    shares = {chart: np.zeros(256) for chart in ("SIC", "SOD", "FLOE")}
    for path in scene_paths:
        for name, chart in charts_of(path).items():
            shares[name] += np.bincount(chart.ravel(), minlength=256) / chart.size / SCENES
    sod = shares["SOD"]
    assert sod[:6].argmax() == 0
    assert 0.2 < sod[0] < 0.55
    assert (sod[:6] > 0.002).all()
    assert 0.3 < sod[255] < 0.65
    assert sod.sum() == pytest.approx(sod[:6].sum() + sod[255])
    assert shares["SIC"][10] > shares["SIC"][1:10].max()
    assert (shares["FLOE"][[2, 3, 4, 5]] > 0.002).all()


@pytest.mark.slow
def test_classes_need_more_than_one_pixel_of_hh(tmp_path: Path) -> None:
    sides: list[tuple[list, list]] = [([], []), ([], [])]
    for index, path in enumerate(write_samples(tmp_path, scenes=24, lines=200, samples=300, seed=1)):
        sod = charts_of(path)["SOD"]
        hh, hv = (np.nan_to_num(read(path, f"nersc_sar_{n}"), nan=-20.0) for n in ("primary", "secondary"))
        line, sample = (np.minimum(np.arange(n) // 50, n // 50 - 1) for n in hh.shape)
        coarse = [np.nan_to_num(read(path, n), nan=200.0)[line][:, sample] for n in CHANNELS]
        angle = np.broadcast_to(np.linspace(19.1, 46.7, hh.shape[1]), hh.shape)
        smooth = [ndimage.uniform_filter(band, 11) for band in (hh, hv)]
        pixels = np.flatnonzero(sod != 255)[::11]
        features, labels = sides[index // 4 % 2]  # blocks of four: seasons turn with every scene
        features.append(np.stack([hh, *smooth, angle, *coarse], axis=-1).reshape(sod.size, -1)[pixels])
        labels.append(sod.ravel()[pixels])
    (x, y), (x_test, y_test) = ((np.concatenate(f), np.concatenate(t)) for f, t in sides)

    def scores(columns: slice) -> tuple[float, float]:
        """Accuracy and mean recall of the classes on scenes not trained on."""
        guess = LinearDiscriminantAnalysis().fit(x[:, columns], y).predict(x_test[:, columns])
        return float((guess == y_test).mean()), float(balanced_accuracy_score(y_test, guess))

    assert set(y) == set(y_test) == set(range(6))
    everything, sar, hh_alone = scores(slice(None)), scores(slice(0, 4)), scores(slice(0, 1))
    assert everything[0] > (y_test == 0).mean() + 0.1
    assert everything[0] > sar[0] > hh_alone[0] + 0.03
    assert everything[0] > hh_alone[0] + 0.1
    assert everything[1] > hh_alone[1] + 0.15


@pytest.mark.slow
def test_same_arguments_give_the_same_scenes(scene_paths: list[Path], tmp_path: Path) -> None:
    # Fewer scenes: a scene does not depend on how many follow.
    again = write_samples(tmp_path / "again", scenes=3, lines=LINES, samples=SAMPLES, seed=7)
    assert [path.name for path in again] == [path.name for path in scene_paths[:3]]
    assert [digest(path) for path in again] == [digest(path) for path in scene_paths[:3]]
    other = write_samples(tmp_path / "other", scenes=3, lines=LINES, samples=SAMPLES, seed=8)
    assert not {path.name for path in other} & {path.name for path in scene_paths}


def test_nothing_is_left_of_an_interrupted_scene(tmp_path: Path) -> None:
    seen: list[Path] = []

    def stop(path: Path) -> None:
        seen.append(path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_samples(tmp_path, scenes=2, lines=100, samples=100, seed=0, on_written=stop)
    assert list(tmp_path.iterdir()) == seen
    assert seen[0].suffix == ".nc"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scenes": 0}, r"cannot write 0 scenes: ask for at least 1"),
        ({"lines": 99}, r"99 lines are too few for a scene: ask for at least 100"),
        ({"samples": 7}, r"7 samples are too few for a scene: ask for at least 100"),
        ({"seed": -1}, r"the seed -1 is negative"),
    ],
)
def test_arguments_out_of_range(tmp_path: Path, given: dict[str, int], message: str) -> None:
    arguments = {"scenes": 1, "lines": 100, "samples": 100, "seed": 0} | given
    with pytest.raises(SampleError, match=message) as caught:
        write_samples(tmp_path / "new", **arguments)
    assert isinstance(caught.value, (IceBenchError, ValueError))
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "scenes"
    file.touch()
    with pytest.raises(SampleError, match="is a file: give a folder"):
        write_samples(file, scenes=1, lines=100, samples=100, seed=0)
