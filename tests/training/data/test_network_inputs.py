"""What reads scenes for a network reads what the spec asks for."""

import torch

from datasets.lake import Lake
from datasets.loading.normalize import Normalization
from training.data.network_inputs import NetworkInputs
from training.spec import TrialSpec


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
