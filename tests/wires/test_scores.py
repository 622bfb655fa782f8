"""Scores on the fixed grid, and true pixels of classes, by hand."""

from pathlib import Path

import numpy as np
import torch

from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.scene_inputs import SceneInputs
from datasets.loading.scene_reader import SceneReader
from tests.wires.recording import record
from tests.wires.test_selection import SPEC
from training.evaluation.bins import ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.loop.checkpoint import load_checkpoint


def test_scores_on_80_m_are_of_the_prediction_under_the_centre_of_each_pixel(wired_lake: Lake, tmp_path: Path) -> None:
    spec = SPEC.with_all({"data.ratio": 5, "evaluation.fixed_ratio": 2, "loop.max_epochs": 1})
    result = record(spec, wired_lake, tmp_path).result
    best, total = load_checkpoint(tmp_path / "best.pt"), ConfusionMatrix.zero(6)
    reader = SceneReader(wired_lake, ratio=5, channels=spec.data.channels, targets=("SOD",), cache=None)
    assemble = Assembler(best.normalization, ratio=5, device=torch.device("cpu"))
    for scene_id in wired_lake.catalog().split("test").scene_ids:
        lines, samples = (slice(0, length) for length in reader.shape(scene_id))
        x = SceneInputs(reader, scene_id, assemble, torch.device("cpu")).window(lines, samples)
        with torch.inference_mode():
            classes = best.model()(x[None])[0].argmax(dim=0).byte().numpy()
        truth = wired_lake.scene(scene_id).whole(2, ["SOD"])["SOD"]
        rows, columns = (
            np.minimum((np.arange(length) + 0.5) * 2 / 5, own - 1).astype(int)
            for length, own in zip(truth.shape, classes.shape, strict=True)
        )
        total += ConfusionMatrix.from_arrays(truth, classes[np.ix_(rows, columns)], 6)
    assert result.matrices[ScoreKey("test_80m", "SOD")] == total.to_lists()


def test_true_pixels_of_a_class_are_those_of_its_row() -> None:
    scores = ConfusionMatrix(np.array([[1, 2], [0, 4]])).metrics()
    assert (scores.n, scores.class_true) == (7, (3, 4))
