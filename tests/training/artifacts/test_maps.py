"""Maps of scored test scenes."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.class_colours import LAND, NO_LABEL, NO_PREDICTION, NO_SAR
from datasets.labels import SOD
from datasets.lake import Lake
from datasets.map_frame import MapFrame
from training.artifacts.maps import draw_maps, map_drawer, map_figure
from training.evaluation.score_network import draw_nothing
from training.evaluation.score_scenes import SceneScore
from training.spec import TrialSpec


@pytest.mark.slow
def test_a_scene_has_a_picture_for_each_target(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    spec = small_spec.with_("data.targets", ["SOD", "FLOE"])
    record = tiny_lake.catalog().split("test").records[0]
    scene = tiny_lake.scene(record.scene_id)
    truth = {name: scene.whole(10, [name])[name].astype(np.uint8) for name in spec.data.targets}
    score = SceneScore(record=record, predicted=truth, truth=truth, matrices={})
    paths = draw_maps(score, spec, tiny_lake, tmp_path)
    names = [f"{record.scene_id}.npz", *(f"{record.scene_id}_{name}.png" for name in ("SOD", "FLOE"))]
    assert paths == [tmp_path / name for name in names]
    assert all(imread(path).std() > 0 for path in paths[1:])
    assert map_drawer(spec, tiny_lake, tmp_path / "again")(score) == [tmp_path / "again" / path.name for path in paths]


def test_a_trial_may_draw_less_and_stays_the_same_trial(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    record = tiny_lake.catalog().split("test").records[0]
    truth = {"SOD": tiny_lake.scene(record.scene_id).whole(10, ["SOD"])["SOD"].astype(np.uint8)}
    score = SceneScore(record=record, predicted=truth, truth=truth, matrices={})
    small, none = (small_spec.with_("evaluation.maps", word) for word in ("small", "none"))
    assert {small.trial_id, none.trial_id} == {small_spec.trial_id}
    assert map_drawer(small, tiny_lake, tmp_path)(score) == [tmp_path / f"{record.scene_id}.npz"]
    assert map_drawer(none, tiny_lake, tmp_path / "none") is draw_nothing


def test_a_lake_without_sar_has_no_maps(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "moments", lambda lake, group: {"nersc_sar_primary": None})
    assert map_drawer(small_spec, tiny_lake, tmp_path) is draw_nothing


def drawn_kinds(figure: Figure, title: str) -> NDArray[np.uint8]:
    (axes,) = (each for each in figure.axes if each.get_title().startswith(title))
    return np.asarray(axes.images[0].get_array())[..., :3]


def colour_of(hexadecimal: str) -> list[int]:
    return [int(hexadecimal[place : place + 2], 16) for place in (1, 3, 5)]


def south_up_frame(lines: int, samples: int, spacing_m: float) -> MapFrame:
    """The first line is the southernmost, samples go east: an ascending pass."""
    latitude, longitude = np.meshgrid(np.linspace(70, 70.5, 9), np.linspace(-50, -48, 9), indexing="ij")
    return MapFrame.of_nodes(latitude, longitude, lines=lines, samples=samples, spacing_m=spacing_m)


def test_a_map_is_turned_and_tells_four_kinds_of_no_class_apart() -> None:
    truth = np.zeros((50, 100), np.uint8)
    truth[:, :50] = 255
    predicted = truth.copy()
    predicted[:, :50] = 3
    predicted[:, 50:75] = 5
    predicted[40:, 30:50] = 255
    ground = {
        "nersc_sar_primary": np.full((25, 50), -10.0, np.float32),
        "nersc_sar_secondary": np.full((25, 50), -20.0, np.float32),
        "distance_map": np.ones((25, 50), np.float32),
    }
    ground["nersc_sar_primary"][:5, :5] = np.nan
    ground["distance_map"][10:15, :5] = 0
    figure = map_figure(
        south_up_frame(50, 100, 400.0), ground, truth, predicted, SOD, sar_spacing_m=800.0, title="title"
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert "difference (50.0% wrong)" in titles
    sar = [axes for axes in figure.axes if axes.get_title().startswith("SAR")]
    for axes in sar:
        assert axes.images[-1].get_extent() == [0.0, 40.0, 20.0, 0.0], "SAR on a coarser grid is as wide"
    assert [axes.get_title() for axes in sar] == [CHANNELS[name].long_name for name in list(ground)[:2]]
    chart, shown = drawn_kinds(figure, "SOD chart"), drawn_kinds(figure, "SOD predicted")
    # The first line of the file is at the bottom of the picture.
    places = {NO_SAR: (-1, 0), LAND: (-25, 0), NO_LABEL: (0, 20)}
    for what, place in places.items():
        assert chart[place].tolist() == colour_of(what.colour), what.name
    assert shown[-1, 0].tolist() == colour_of(NO_SAR.colour), "no answer where nobody can ask"
    assert shown[-25, 0].tolist() == colour_of(LAND.colour), "nor on land"
    assert shown[0, 20].tolist() == colour_of(SOD.colours[3]), "but where there is no label"
    assert shown[0, 40].tolist() == colour_of(NO_PREDICTION.colour)
    legend = [text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()]
    assert legend[-6:] == ["land", "no label", "no SAR", "no prediction", "right", "wrong"]


def test_large_and_unlabelled_maps() -> None:
    nothing = np.full((2500, 3000), 255, np.uint8)
    empty = np.full((2500, 3000), np.nan, np.float32)
    ground = {"nersc_sar_primary": empty, "nersc_sar_secondary": empty}
    figure = map_figure(south_up_frame(2500, 3000, 40.0), ground, nothing, nothing, SOD, sar_spacing_m=40.0, title="t")
    assert "difference (no labelled pixel)" in [axes.get_title() for axes in figure.axes]
    assert max(max(axes.images[0].get_size()) for axes in figure.axes if axes.images) <= 600
