"""Which product a file is, by what is in it."""

from pathlib import Path

import pytest

from ingest.errors import RawSceneError, RecipeError
from ingest.product import native_ratio, open_scene
from ingest.sample import write_samples
from tests.ingest.forms import write_form


def test_a_raw_file_has_pixels_of_40_m(raw_train: list[Path]) -> None:
    with open_scene(str(raw_train[0])) as scene:
        assert (scene.product, scene.pixel_spacing) == ("raw", 40)
        assert [native_ratio(scene, ratio) for ratio in (1, 2, 5)] == [1, 2, 5]


def test_a_ready_to_train_file_has_pixels_of_80_m(tmp_path: Path) -> None:
    (raw,) = write_samples(tmp_path / "raw", scenes=1, lines=200, samples=220, seed=3)
    path = str(write_form(raw, tmp_path, "ready-to-train-test"))
    with open_scene(path) as scene:
        assert (scene.product, scene.pixel_spacing) == ("ready_to_train", 80)
        assert [native_ratio(scene, ratio) for ratio in (2, 10)] == [1, 5]
        with pytest.raises(RecipeError, match=r"ratio 5 is 200 m and scene .* has pixels of 80 m: use multiples of 2"):
            native_ratio(scene, 5)


def test_what_is_no_netcdf_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "torn.nc"
    path.write_text("torn")
    with pytest.raises(RawSceneError, match="cannot be read as netCDF"), open_scene(str(path)):
        pass
