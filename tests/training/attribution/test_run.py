"""From a checkpoint and a lake to importance, over all scenes of a split."""

from pathlib import Path

import numpy as np
import pytest

from datasets.errors import UnknownNameError
from datasets.labels import IGNORE
from datasets.lake import Lake
from datasets.loading.scene_reader import SceneReader
from datasets.loading.windows import land_pixels
from datasets.scene import Scene
from tests.training.attribution.explained import untrained
from training.attribution.result import AttributionResult, rank_channels
from training.attribution.run import attribute
from training.attribution.settings import AttributionError, AttributionSettings
from training.data.trial_scenes import select_scenes
from training.loop.checkpoint import CheckpointError
from training.spec import SpecError, TrialSpec

QUICK = {"steps": 2, "samples": 2, "baselines": 2}


def settings(**values: object) -> AttributionSettings:
    return AttributionSettings.of(**{**QUICK, **values})


def pixels_of(lake: Lake, spec: TrialSpec) -> dict[str, int]:
    """Labelled sea pixels of the test scenes."""
    reader = SceneReader(lake, ratio=spec.data.ratio, channels=(), targets=("SOD",), cache=None)
    found = {}
    for record in lake.catalog().split("test"):
        whole = tuple(slice(0, length) for length in reader.shape(record.scene_id))
        labelled = reader.labels(record.scene_id, *whole)[0] != IGNORE
        found[record.scene_id] = int((labelled & ~land_pixels(reader.land_distance(record.scene_id, *whole))).sum())
    return found


def n_of(result: AttributionResult, bin_name: str) -> int:
    return sum(row.n for row in result.completeness if row.bin == bin_name)


@pytest.fixture(scope="module")
def pixel_result(pixel_trial: Path, tiny_lake: Lake) -> AttributionResult:
    return attribute(pixel_trial, tiny_lake, settings())


@pytest.mark.slow
def test_all_pixels_of_all_test_scenes_count_once(
    pixel_result: AttributionResult, tiny_lake: Lake, small_spec: TrialSpec
) -> None:
    wanted = pixels_of(tiny_lake, small_spec)
    assert pixel_result.scenes == len(wanted) == 3
    assert {name: n_of(pixel_result, f"scene/{name}") for name in wanted} == wanted
    assert n_of(pixel_result, "all") == sum(wanted.values())
    kinds = {row.bin.partition("/")[0] for row in pixel_result.rows}
    assert {"all", "season", "location", "scene"} <= kinds
    for kind in ("season", "location"):
        assert sum(
            n_of(pixel_result, name) for name in {row.bin for row in pixel_result.rows} if name.startswith(kind)
        ) == sum(wanted.values())
    assert not pixel_result.sampled


def test_memory_does_not_change_the_result(pixel_result: AttributionResult, pixel_trial: Path, tiny_lake: Lake) -> None:
    told: list[tuple[int, int]] = []
    again = attribute(
        pixel_trial.parent, tiny_lake, settings(), memory=1, progress=lambda done, total: told.append((done, total))
    )
    assert [row.n for row in again.rows] == [row.n for row in pixel_result.rows]
    np.testing.assert_allclose(
        [row.absolute for row in again.rows], [row.absolute for row in pixel_result.rows], rtol=1e-3, atol=1e-5
    )
    assert told[-1][0] == told[-1][1] > 0
    assert again.trial_id == pixel_result.trial_id


@pytest.mark.parametrize("method", ["feature_ablation", "gradient_shap", "deeplift", "deeplift_shap"])
@pytest.mark.parametrize("trial", ["pixel_trial", "patch_trial"])
def test_every_method_explains_both_tasks(
    method: str, trial: str, tiny_lake: Lake, request: pytest.FixtureRequest
) -> None:
    result = attribute(request.getfixturevalue(trial), tiny_lake, settings(method=method, patches_per_scene=2))
    assert result.task == ("pixel" if trial == "pixel_trial" else "patch")
    assert result.sampled
    assert result.settings.patches_per_scene == 2
    assert all(np.isfinite([row.signed, row.absolute]).all() and row.n > 0 for row in result.rows)
    assert len(rank_channels(result)) == 5
    assert rank_channels(result)[0].share > 0
    if "deeplift" in method:
        assert result.completeness_error is not None
        assert result.completeness_error < 1e-2
    assert (result.completeness_error is None) == (method == "feature_ablation")
    if trial == "patch_trial":
        assert n_of(result, "all") <= 2 * 3


@pytest.mark.slow
def test_all_pure_patches_of_a_patch_based_trial(patch_trial: Path, tiny_lake: Lake) -> None:
    result = attribute(patch_trial, tiny_lake, settings(baseline="mean"))
    more = attribute(patch_trial, tiny_lake, settings(baseline="mean", split="train"))
    assert n_of(result, "all") == sum(row.patches for row in result.completeness if row.bin == "all") > 10
    assert n_of(more, "all") > 0
    assert more.settings.split == "train"


@pytest.mark.slow
def test_classes_and_charts_that_are_asked_for(
    pixel_result: AttributionResult, pixel_trial: Path, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    present = [row.class_name for row in pixel_result.completeness if row.bin == "all"]
    chosen = attribute(pixel_trial, tiny_lake, settings(classes=present[:1]))
    assert {row.class_name for row in chosen.rows} == {present[0]}
    one, whole = (
        [row.absolute for row in result.rows if row.class_name == present[0] and row.bin == "all"]
        for result in (chosen, pixel_result)
    )
    np.testing.assert_allclose(one, whole, rtol=1e-3, atol=1e-5)
    three = untrained(small_spec.with_("data.targets", ["SIC", "SOD", "FLOE"]), tiny_lake, tmp_path)
    floe = attribute(three, tiny_lake, settings(target="FLOE", patches_per_scene=2))
    assert floe.target == "FLOE"
    assert floe.classes[-1] == "bergs"


@pytest.mark.slow
def test_bad_input_is_one_sentence(
    pixel_trial: Path, tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match=r"there is no checkpoint '.*best.pt': give the best.pt of a finished"):
        attribute(tmp_path, tiny_lake)
    (tmp_path / "torn.pt").write_bytes(b"no")
    with pytest.raises(CheckpointError, match=r"torn.pt' cannot be read as a checkpoint \([^.]*\): give the best.pt"):
        attribute(tmp_path / "torn.pt", tiny_lake)
    with pytest.raises(UnknownNameError, match=r"unknown class 'oldice'.*did you mean 'old_ice'"):
        attribute(pixel_trial, tiny_lake, settings(classes=("oldice",)))
    with pytest.raises(UnknownNameError, match="unknown chart of the trial 'SIC': known are SOD"):
        attribute(pixel_trial, tiny_lake, settings(target="SIC"))
    regression = untrained(
        small_spec.with_all({"data.targets": ["SOD", "SIC"], "loss.sic": "regression"}), tiny_lake, tmp_path / "r"
    )
    with pytest.raises(AttributionError, match=r"SIC of trial .* is predicted by regression .* explain another chart"):
        attribute(regression, tiny_lake, settings(target="SIC"))
    with pytest.raises(AttributionError, match="assigned no labelled sea pixel of 3 test scenes to young_ice"):
        _nothing(pixel_trial, tiny_lake, monkeypatch)


def _nothing(trial: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            SceneReader,
            "labels",
            lambda self, _, lines, samples: np.full(
                (1, lines.stop - lines.start, samples.stop - samples.start), IGNORE, np.uint8
            ),
        )
        patch.setattr(
            "training.attribution.run.baseline_bank",
            lambda data, _: data.inputs.scene(data.scenes.test.scene_ids[0]).window(slice(0, 16), slice(0, 16))[None],
        )
        attribute(trial, lake, settings(classes=("young_ice",)))


def test_a_scene_that_lacks_a_channel_is_named_before_anything_is_computed(
    pixel_trial: Path, tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = select_scenes(small_spec, tiny_lake).test.scene_ids[-1]
    full = Scene.moments.fget  # type: ignore[attr-defined]

    def without(self: Scene) -> dict[str, object]:
        found = {group: dict(own) for group, own in full(self).items()}
        if self.record.scene_id == last:
            found["km2"].pop("t2m")
        return found

    monkeypatch.setattr(Scene, "moments", property(without))
    monkeypatch.setattr("training.attribution.run.baseline_bank", lambda *_: pytest.fail("too late"))
    with pytest.raises(
        AttributionError, match=rf"scene {last} of the lake .* lacks t2m, which trial .* build the scene"
    ):
        attribute(pixel_trial, tiny_lake)


def test_another_lake_is_refused(pixel_trial: Path, tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lake, "digest", property(lambda self: "another"))
    with pytest.raises(SpecError, match=r"trained on the lake .* has digest another: give its own lake"):
        attribute(pixel_trial, tiny_lake)
