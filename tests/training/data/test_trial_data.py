"""The data of a trial, new or finished."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.catalog import Catalog
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading.batch import Window
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from tests.training.data.trials import data_of
from training.artifacts.model_export import PhysicalModel
from training.attribution.run import attribute
from training.attribution.settings import AttributionSettings
from training.data.trial_data import NetworkInputs, TrialData
from training.loop.checkpoint import Checkpoint, load_checkpoint
from training.spec import SpecError, TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

CPU = torch.device("cpu")
CHANNELS = ["nersc_sar_primary", "sar_longitude", "t2m", "nersc_sar_secondary", "month", "distance_map"]
TAKEN = ["month", "nersc_sar_secondary", "sar_longitude", "nersc_sar_primary", "nersc_sar_secondary", "t2m"]
"""Another order; one channel twice, one not at all."""


def test_a_trial_is_normalized_by_the_statistics_that_its_spec_names(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    names, ratio = small_spec.data.channels, small_spec.data.ratio
    pooled, within = (Normalization.from_lake(tiny_lake, names, ratio, scene_average=each) for each in (False, True))
    assert pooled != within
    assert data_of(tiny_lake, small_spec).inputs.normalization == pooled
    scene_average = small_spec.with_("data.statistics", "scene_average")
    assert data_of(tiny_lake, scene_average).inputs.normalization == within


def test_a_checkpoint_sees_scenes_as_it_has_learned_to(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    new = data_of(tiny_lake, small_spec)
    own = new.inputs.normalization
    moved = Normalization(channels=own.channels, mean=tuple(value + 1 for value in own.mean), std=own.std)
    checkpoint = Checkpoint(spec=small_spec, normalization=moved, epoch=0, state={})
    data = TrialData.of_checkpoint(checkpoint, tiny_lake, torch.device("cpu"), cache=None)
    assert (data.spec, data.scenes) == (new.spec, new.scenes)
    scene_id = data.scenes.test.scene_ids[0]
    lines, samples = slice(0, 8), slice(0, 8)
    before, after = (each.inputs.scene(scene_id).window(lines, samples)[:2] for each in (new, data))
    seen = before != 0
    shift = torch.tensor(own.std[:2]).reciprocal()[:, None, None].expand_as(before)
    torch.testing.assert_close(after[seen], (before - shift)[seen])


def test_scores_of_a_checkpoint_are_of_its_own_lake_and_maps_are_not(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    own = data_of(tiny_lake, small_spec).inputs.normalization
    spec = small_spec.with_("data.lake", "0123456789ab")
    with pytest.raises(SpecError, match=r"was trained on the lake 0123456789ab, .* `python -m training predict` makes"):
        TrialData.of_checkpoint(
            Checkpoint(spec=spec, normalization=own, epoch=0, state={}), tiny_lake, torch.device("cpu"), cache=None
        )


def test_scenes_without_a_chart_are_not_scored(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = data_of(tiny_lake, small_spec).inputs.normalization
    monkeypatch.setattr(Catalog, "labelled", lambda self, chart: np.zeros(len(self), np.int64))
    with pytest.raises(SplitError, match=r"has no t[a-z]+ scene with a label in SOD .*: widen data"):
        TrialData.of_checkpoint(
            Checkpoint(spec=small_spec, normalization=own, epoch=0, state={}),
            tiny_lake,
            torch.device("cpu"),
            cache=None,
        )


def test_indexes_of_patches_lie_beside_decoded_scenes(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    cache = NodeCache(folder=tmp_path, max_bytes=1 << 20)
    data = TrialData.of(small_spec, tiny_lake, torch.device("cpu"), cache=cache)
    assert data.index_folder == tmp_path / "index"
    assert data_of(tiny_lake, small_spec).index_folder is None


def test_by_the_source_only_the_scenes_that_are_trained_on_normalize(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({"data.scene_share": 0.3, "data.selection": "source", "data.channels": ["t2m"]})
    data = data_of(tiny_lake, spec)
    arrays = [tiny_lake.scene(each).km2("t2m").astype(np.float64).ravel() for each in data.scenes.train.scene_ids]
    values = np.concatenate(arrays)
    values = values[np.isfinite(values)]
    assert data.inputs.normalization.mean[0] == pytest.approx(values.mean(), rel=1e-6)
    assert data.inputs.normalization.std[0] == pytest.approx(values.std(), rel=1e-5)
    whole = data_of(tiny_lake, spec.with_("data.selection", "all")).inputs.normalization
    assert whole != data.inputs.normalization
    assert whole.mean[0] == pytest.approx(tiny_lake.moments("km2")["t2m"].mean)


def test_scenes_have_the_ratio_channels_and_charts_of_the_spec(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    data = small_spec.with_("data.targets", ["SOD", "FLOE"]).data
    normalization = Normalization.from_lake(tiny_lake, data.channels, data.ratio)
    inputs = NetworkInputs.of(data, tiny_lake, normalization, torch.device("cpu"), None)
    scene_id = tiny_lake.catalog().split("test").scene_ids[0]
    scene = inputs.scene(scene_id)
    assert scene.shape == tiny_lake.scene(scene_id).shape(data.ratio)
    window = slice(0, 8), slice(2, 12)
    assert scene.window(*window).shape == (len(data.channels), 8, 10)
    assert inputs.reader.labels(scene_id, *window).shape == (2, 8, 10)


def inputs_of(lake: Lake, spec: TrialSpec) -> NetworkInputs:
    return TrialData.of(spec, lake, CPU, cache=None).inputs


def spec_of(small_spec: TrialSpec, **inputs: object) -> TrialSpec:
    changes = {f"model.inputs.{name}": value for name, value in inputs.items()}
    return small_spec.with_all({"data.channels": CHANNELS, **changes})


def physical(lake: Lake, spec: TrialSpec, window: Window, size: int) -> torch.Tensor:
    """The channels of a window in their units, (C, size, size), 0 in the unit of the training scenes undone."""
    inputs = inputs_of(lake, spec)
    mean, std = (torch.tensor(row)[:, None, None] for row in (inputs.normalization.mean, inputs.normalization.std))
    found: torch.Tensor = inputs.patches([window], size)[0] * std + mean
    return found


def test_a_network_sees_the_channels_that_it_wants_in_its_own_normalization(
    tiny_lake: Lake, small_spec: TrialSpec
) -> None:
    plain = spec_of(small_spec)
    mean, std = [None, -20.0, None, -10.0, 0.5, 250.0], [None, 5.0, None, 4.0, 2.0, 20.0]
    spec = spec_of(small_spec, channels=TAKEN, mean=mean, std=std)
    inputs, window = inputs_of(tiny_lake, spec), Window(tiny_lake.catalog().split("train").scene_ids[0], 1, 2)
    assert (*inputs.reader.sar_channels, *inputs.reader.zone_channels) == ("nersc_sar_secondary", "nersc_sar_primary")
    x, usual = inputs.patches([window], 24)[0], inputs_of(tiny_lake, plain).normalization
    values = physical(tiny_lake, plain, window, 24)
    for place, name in enumerate(TAKEN):
        row = CHANNELS.index(name)
        own_mean, own_std = mean[place] or usual.mean[row], std[place] or usual.std[row]
        torch.testing.assert_close(x[place], (values[row] - own_mean) / own_std, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("sar", "decibels"), [("power", 10), ("amplitude", 20)])
def test_backscatter_can_be_linear_and_no_data_stays_the_mean(
    sar: str, decibels: int, tiny_lake: Lake, small_spec: TrialSpec
) -> None:
    names = ["nersc_sar_primary", "t2m", "nersc_sar_secondary"]
    spec = spec_of(small_spec, channels=names, mean=[0.02, None, 0.01], std=[0.01, None, 0.004], sar=sar)
    window = Window(tiny_lake.catalog().split("train").scene_ids[0], 0, 0)
    x = inputs_of(tiny_lake, spec).patches([window], 24)[0]
    in_db = spec_of(small_spec, channels=names, mean=[1000.0, None, 1000.0], std=[1.0, None, 1.0])
    values = inputs_of(tiny_lake, in_db).patches([window], 24)[0]
    known = values[0] != 0  # no value is 1000 dB
    wanted = (10 ** ((values[0] + 1000) / decibels) - 0.02) / 0.01
    torch.testing.assert_close(x[0][known], wanted[known], rtol=1e-3, atol=1e-3)
    assert (x[0][~known] == 0).all()
    torch.testing.assert_close(x[1], values[1])
    exported = PhysicalModel(torch.nn.Identity(), [0.02], [0.01], [float(decibels)])
    torch.testing.assert_close(exported(values[None, :1] + 1000)[0, 0][known], x[0][known], rtol=1e-3, atol=1e-3)


def test_a_checkpoint_keeps_the_normalization_for_scoring_and_attribution(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    names = ["nersc_sar_secondary", "nersc_sar_primary", "nersc_sar_secondary", "t2m"]
    spec = spec_of(small_spec, channels=names, mean=[0.01, 0.02, 0.03, None], std=[0.1, 0.2, 0.3, None], sar="power")
    spec = spec.with_all({"loop.max_epochs": 1, "evaluation.fixed_ratio": None})
    run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path)
    checkpoint = load_checkpoint(tmp_path / "best.pt")
    data = TrialData.of_checkpoint(checkpoint, tiny_lake, CPU, cache=None)
    assert data.inputs.normalization == TrialData.of(spec, tiny_lake, CPU, cache=None).inputs.normalization
    assert (data.inputs.normalization.channels, data.inputs.normalization.sar) == (tuple(names), "power")
    settings = AttributionSettings.of(patches_per_scene=1, steps=2, baselines=2)
    found = attribute(tmp_path / "best.pt", tiny_lake, settings)
    assert found.channels == ("nersc_sar_secondary", "nersc_sar_primary", "t2m")
    assert {row.feature for row in found.rows} >= set(names)
    ablated = attribute(tmp_path / "best.pt", tiny_lake, settings.model_copy(update={"method": "feature_ablation"}))
    rows = {row.feature: row.signed for row in ablated.rows if row.bin == ablated.rows[0].bin}
    assert np.isfinite(rows["t2m"])
    assert rows["t2m"] == rows["ERA5"]  # a group of one channel, behind one that is taken twice


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"channels": ["t2m", "u10m_rotated"]},
            "channels has u10m_rotated, which data.channels lacks: it",
        ),
        (
            {"channels": ["t2m"], "mean": [1.0, 2.0], "std": [1.0]},
            r"mean has 2 values and .* 1 input \(t2m",
        ),
        ({"channels": ["t2m"], "mean": [1.0]}, r"model.inputs.std has 0 values and the network 1 input "),
        ({"channels": ["t2m"], "mean": [None], "std": [1.0]}, "must be null together, and are not for t2m"),
        ({"channels": ["t2m"], "mean": [1.0], "std": [0.0]}, "numbers above 0 or null"),
        (
            {"channels": ["nersc_sar_primary"], "sar": "power"},
            "'power' needs .* of nersc_sar_primary: the lake",
        ),
        ({"sar": "linear"}, "'dB', 'power' or 'amplitude'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(inputs: dict[str, object], message: str, small_spec: TrialSpec) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        spec_of(small_spec, **inputs)
    assert "\n" not in str(refused.value)
