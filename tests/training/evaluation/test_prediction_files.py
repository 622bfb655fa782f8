"""Class maps as files: written, read back, and every way in which they can be wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from datasets.catalog import Catalog
from datasets.labels import IGNORE, SOD
from datasets.lake import Lake
from datasets.loading.normalize import Normalization
from training.__main__ import app
from training.data.trial_scenes import bind
from training.evaluation.bins import ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.prediction_files import Kind, PredictionError, check_kind, score_predictions, write_prediction
from training.evaluation.score_checkpoint import score_checkpoint
from training.loop.checkpoint import Checkpoint, save_checkpoint
from training.models import build_model
from training.models.heads import n_outputs
from training.spec import TrialSpec


def charts(lake: Lake, ratio: int = 2) -> dict[str, np.ndarray]:
    scenes = lake.catalog().split("test")
    return {name: lake.scene(name).whole(ratio, ("SOD",))["SOD"].astype(np.uint8) for name in scenes.scene_ids}


def write(lake: Lake, folder: Path, kind: Kind = "zarr", *, shift: int = 0) -> None:
    """Maps that are the charts, each class moved by `shift`."""
    for name, truth in charts(lake).items():
        moved = np.where(truth == IGNORE, IGNORE, (truth.astype(int) + shift) % SOD.n_classes).astype(np.uint8)
        write_prediction(moved, SOD, folder, scene_id=name, ratio=2, kind=kind, source="a test")


def whole(matrices: dict[str, ConfusionMatrix]) -> ConfusionMatrix:
    first, *others = matrices.values()
    return sum(others, start=first)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zarr", "netcdf"])
def test_maps_that_are_the_charts_score_full_and_shifted_ones_nothing(
    kind: Kind, tiny_lake: Lake, tmp_path: Path
) -> None:
    write(tiny_lake, tmp_path / "right", kind)
    found = score_predictions(tmp_path / "right", tiny_lake, SOD, ratio=2)
    assert list(found) == list(tiny_lake.catalog().split("test").scene_ids)
    assert whole(found).metrics().accuracy == 1.0
    assert whole(found).n == sum(int((truth != IGNORE).sum()) for truth in charts(tiny_lake).values())
    write(tiny_lake, tmp_path / "wrong", kind, shift=1)
    assert whole(score_predictions(tmp_path / "wrong", tiny_lake, SOD, ratio=2)).metrics().accuracy == 0.0


@pytest.mark.parametrize("kind", ["zarr", "netcdf"])
def test_a_map_is_there_when_it_is_whole(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("to_zarr", "to_netcdf"):
        real = getattr(xr.Dataset, name)

        def killed(data: xr.Dataset, path: Path, real: Callable[..., object] = real, **how: object) -> None:
            real(data, path, **how)
            raise KeyboardInterrupt

        monkeypatch.setattr(xr.Dataset, name, killed)
    with pytest.raises(KeyboardInterrupt):
        write_prediction(np.zeros((2, 3), np.uint8), SOD, tmp_path, scene_id="s", ratio=2, kind=kind, source="a test")
    assert not (tmp_path / "s.zarr").exists()
    assert not (tmp_path / "s.nc").exists()
    monkeypatch.undo()
    write_prediction(np.zeros((2, 3), np.uint8), SOD, tmp_path, scene_id="s", ratio=2, kind=kind, source="a test")
    assert [path.stem for path in tmp_path.iterdir()] == ["s"], "what was left is gone"


@pytest.mark.parametrize("kind", ["zarr", "netcdf"])
def test_a_file_says_what_it_holds(kind: Kind, tmp_path: Path) -> None:
    classes = np.arange(6, dtype=np.uint8).reshape(2, 3)
    path = write_prediction(classes, SOD, tmp_path, scene_id="s", ratio=5, kind=kind, source="a test")
    opened = xr.open_zarr(path, consolidated=False) if kind == "zarr" else xr.open_dataset(path)
    with opened as data:
        assert data.attrs["Conventions"].startswith("CF-")
        assert (data.attrs["scene_id"], data.attrs["ratio"], data.attrs["pixel_spacing"]) == ("s", 5, 200.0)
        assert data.SOD.dims == ("line", "sample")
        assert data.SOD.dtype == np.uint8
        assert np.array_equal(data.SOD, classes)
        assert list(data.SOD.attrs["flag_values"]) == [0, 1, 2, 3, 4, 5]
        assert data.SOD.attrs["flag_meanings"].split() == list(SOD.classes)


def dataset(values: np.ndarray, name: str = "SOD", dims: tuple[str, str] = ("line", "sample")) -> xr.Dataset:
    return xr.DataArray(values, dims=dims).to_dataset(name=name)


def floats(truth: np.ndarray) -> np.ndarray:
    return np.where(truth == IGNORE, 0, truth).astype(np.float32)


def with_first(values: np.ndarray, truth: np.ndarray, value: float) -> np.ndarray:
    """A labelled pixel with another value."""
    values = values.copy()
    values[tuple(np.argwhere(truth != IGNORE)[0])] = value
    return values


def test_other_layouts_of_the_same_map_are_taken(tiny_lake: Lake, tmp_path: Path) -> None:
    write(tiny_lake, tmp_path)
    (first, second, _) = charts(tiny_lake)
    truth = charts(tiny_lake)[first]
    turned = dataset(np.ascontiguousarray(truth.T).astype(np.int64), dims=("sample", "line"))
    turned.to_zarr(tmp_path / f"{first}.zarr", mode="w", consolidated=False)
    (tmp_path / "README.txt").write_text("not a map")
    truth = charts(tiny_lake)[second]
    filled = dataset(floats(truth))
    filled["SOD"].attrs["_FillValue"] = np.float32(0)  # xarray would make NaN of open water
    filled.to_zarr(tmp_path / f"{second}.zarr", mode="w", consolidated=False)
    assert whole(score_predictions(tmp_path, tiny_lake, SOD, ratio=2)).metrics().accuracy == 1.0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda t: dataset(with_first(floats(t), t, np.nan)), "has 1 pixel of NaN: every labelled pixel needs"),
        (
            lambda t: dataset(with_first(t, t, 6)),
            "has 1 pixel whose value is no class of SOD (such as 6): classes are 0",
        ),
        (lambda t: dataset(with_first(floats(t), t, 1.5)), "whose value is no class of SOD (such as 1.5)"),
        (lambda t: dataset(with_first(t.astype(np.int16), t, -1)), "whose value is no class of SOD (such as -1)"),
        (lambda t: dataset(with_first(t, t, IGNORE)), "has 1 pixel of 255 where the chart has a label: each of these"),
        (
            lambda t: dataset(with_first(t, t, 254)),
            "has 1 pixel of 254, which is land, where the chart has a label, and each of these needs a class: write "
            "maps with `python -m training predict --leaderboard`",
        ),
        (
            lambda t: dataset(t[:-1]),
            "has 209 x 260 pixels and the scene has 210 x 260: give the map on the grid of the",
        ),
        (lambda t: dataset(t.T), "has 260 x 210 pixels and the scene has 210 x 260"),
        (
            lambda t: dataset(t[None, :, :].squeeze(), name="sod"),
            "has no variable SOD (it has sod): name the class map",
        ),
        (lambda t: dataset(np.where(t < 3, "ice", "water")), "and no class numbers: write SOD as uint8"),
    ],
)
def test_a_map_that_cannot_be_scored_is_one_sentence(
    make: Callable[[np.ndarray], xr.Dataset], sentence: str, tiny_lake: Lake, tmp_path: Path
) -> None:
    write(tiny_lake, tmp_path)
    first, truth = next(iter(charts(tiny_lake).items()))
    (tmp_path / f"{first}.zarr").rename(tmp_path.parent / f"{tmp_path.name}-old")
    make(truth).to_netcdf(tmp_path / f"{first}.nc", engine="netcdf4")
    with pytest.raises(PredictionError) as caught:
        score_predictions(tmp_path, tiny_lake, SOD, ratio=2)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{first}.nc ")
    assert "\n" not in str(caught.value)


def rename(folder: Path, scene: str, other: str) -> None:
    (folder / f"{scene}.zarr").rename(folder / f"{other}.zarr")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f, s: rename(f, s, "other_dmi"), "other_dmi.zarr in 'F' is of no test scene of the lake: it has 3"),
        (lambda f, s: rename(f, s, "../gone"), "'F' has no map of S: test scenes are scored together, so each"),
        (lambda f, s: (f / f"{s}.nc").write_bytes(b""), "'F' has both S.nc and S.zarr: keep one of them"),
        (lambda f, s: (rename(f, s, "../gone"), (f / f"{s}.nc").write_bytes(b"no netCDF")), "S.nc cannot be read ("),
        (lambda f, s: (rename(f, s, "../gone"), (f / f"{s}.zarr").mkdir()), "S.zarr cannot be read ("),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_scored_is_one_sentence(
    spoil: Callable[[Path, str], object], sentence: str, tiny_lake: Lake, tmp_path: Path
) -> None:
    folder = tmp_path / "maps"
    write(tiny_lake, folder)
    first = next(iter(charts(tiny_lake)))
    spoil(folder, first)
    with pytest.raises(PredictionError) as caught:
        score_predictions(folder, tiny_lake, SOD, ratio=2)
    assert sentence.replace("'F'", repr(str(folder))).replace("S.", f"{first}.").replace(
        "of S:", f"of {first}:"
    ) in str(caught.value)


def test_no_folder_no_test_scene_and_no_grid_are_said(tiny_lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(PredictionError, match=r"there is no folder .*gone': give the folder with one class map"):
        score_predictions(tmp_path / "gone", tiny_lake, SOD, ratio=2)
    with pytest.raises(PredictionError, match="has no charts of ratio 3 \\(120 m\\), it has 1, 2, 5, 10"):
        score_predictions(tmp_path, tiny_lake, SOD, ratio=3)
    other = Lake.create(str(tmp_path / "lake"), {name: tiny_lake.recipe[name] for name in ("digest", "recipe")})
    other.publish(tiny_lake.catalog().split("train"), {})
    with pytest.raises(PredictionError, match="has no test scene to score predictions on"):
        score_predictions(tmp_path, other, SOD, ratio=2)


def test_scenes_without_a_chart_have_no_scores(tiny_lake: Lake, tmp_path: Path) -> None:
    other = Lake.create(str(tmp_path / "lake"), {name: tiny_lake.recipe[name] for name in ("digest", "recipe")})
    bare = {name: {IGNORE: 1} for name in ("SIC", "SOD", "FLOE")}
    scenes = tiny_lake.catalog().split("test")
    other.publish(Catalog.of(record.model_copy(update={"pixels": bare}) for record in scenes), {})
    with pytest.raises(PredictionError, match=r"no test scene of the lake .* has a label in SOD, so that there is"):
        score_predictions(tmp_path, other, SOD, ratio=2)


def test_netcdf_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_kind("netcdf") == "netcdf"
    monkeypatch.setattr("training.evaluation.prediction_files.find_spec", lambda name: None)
    with pytest.raises(PredictionError, match="netCDF files need netCDF4, which is not installed"):
        check_kind("netcdf")


@pytest.fixture(scope="module")
def checkpoint(tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """best.pt of a network at ratio 5 that nobody trained."""
    spec = bind(small_spec.with_("data.ratio", 5), tiny_lake)
    network = build_model(
        spec.model, task=spec.data.task, in_channels=len(spec.data.channels), n_outputs=n_outputs(spec)
    )
    path = tmp_path_factory.mktemp("untrained") / "best.pt"
    normalization = Normalization.from_lake(tiny_lake, spec.data.channels, spec.data.ratio)
    save_checkpoint(path, Checkpoint(spec=spec, normalization=normalization, epoch=0, state=dict(network.state_dict())))
    return path


def predict(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["predict", "--leaderboard", *words], env={"COLUMNS": "200"})
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zarr", "netcdf"])
def test_written_maps_give_the_scores_of_the_network(
    kind: str, checkpoint: Path, tiny_lake: Lake, tmp_path: Path
) -> None:
    words = ["--checkpoint", str(checkpoint), "--lake", tiny_lake.url, "--out", str(tmp_path / "maps")]
    code, said = predict(*words, "--format", kind)
    assert code == 0, said
    assert f"written: 3 maps of SOD at 80 m in {tmp_path / 'maps'}" in said
    found = whole(score_predictions(tmp_path / "maps", tiny_lake, SOD, ratio=2))
    _, result = score_checkpoint(checkpoint, tiny_lake)
    assert found.to_lists() == result.matrices[ScoreKey("test_80m", "SOD")]

    code, said = predict(*words, "--format", "zarr")
    assert code == 2
    assert "exists: give another --out, or --overwrite to replace what is there" in said
    code, said = predict(*words, "--overwrite", "--ratio", "5")
    assert code == 0, said
    assert "at 200 m" in said
    assert {path.suffix for path in (tmp_path / "maps").iterdir()} == {".zarr"}, "none of the other kind is left"
    found = whole(score_predictions(tmp_path / "maps", tiny_lake, SOD, ratio=5))
    assert found.to_lists() == result.matrices[ScoreKey("test", "SOD")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--format", "tiff"], "unknown kind of file 'tiff': known are zarr, netcdf"),
        (["--target", "FLOE"], "unknown chart of the trial 'FLOE': known are SOD"),
        (["--ratio", "3"], "has no grid of ratio 3, it has 1, 2, 5, 10: choose one of them"),
        (["--checkpoint", "gone.pt"], "there is no checkpoint 'gone.pt': give the best.pt of a finished trial"),
        (["--lake", "/nowhere"], "'/nowhere' is not a lake"),
    ],
)
def test_what_cannot_be_predicted_is_one_sentence(
    words: list[str], sentence: str, checkpoint: Path, tiny_lake: Lake, tmp_path: Path
) -> None:
    given = {"--checkpoint": str(checkpoint), "--lake": tiny_lake.url, "--out": str(tmp_path / "maps")}
    first = [word for name, value in given.items() if name not in words for word in (name, value)]
    code, said = predict(*first, *words)
    assert code == 2
    assert sentence in said
    assert not (tmp_path / "maps").exists()
