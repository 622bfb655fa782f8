"""The data of a trial, new or finished."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.catalog import Catalog
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from tests.training.data.trials import data_of
from training.data.trial_data import TrialData
from training.loop.checkpoint import Checkpoint
from training.spec import SpecError, TrialSpec


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
