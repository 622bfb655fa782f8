"""A network through MLflow and back, in another process, with and without this project at hand."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from datasets.loading.normalize import Normalization
from tests.mlflow_server import fresh_database
from training.artifacts.model_export import PhysicalModel, export_model
from training.models import build_model
from training.spec import ModelSpec, SpecError, TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker

ROOT = Path(__file__).parents[3]
CHANNELS = ("nersc_sar_primary", "t2m", "month")
NORMALIZATION = Normalization(channels=CHANNELS, mean=(-18.0, 270.0, 6.5), std=(4.0, 10.0, 3.5))

LOADING = """
import sys
if {blocked}:
    class Without:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("training", "datasets", "ingest", "sweeps"):
                raise ModuleNotFoundError(name)
    sys.meta_path.insert(0, Without())
import mlflow, numpy as np, torch
mlflow.set_tracking_uri({uri!r})
model = mlflow.pytorch.load_model("runs:/{run_id}/model")
x = np.load({folder!r} + "/x.npy")
with torch.no_grad():
    np.save({folder!r} + "/y.npy", model(torch.from_numpy(x)).numpy())
np.save({folder!r} + "/p.npy", mlflow.pyfunc.load_model("runs:/{run_id}/model").predict(x))
example = mlflow.models.Model.load("runs:/{run_id}/model").load_input_example()
np.save({folder!r} + "/example.npy", example)
assert mlflow.active_run() is None
"""


def unet() -> nn.Module:
    torch.manual_seed(3)
    model = build_model(ModelSpec(params={"filters": [4, 4, 8]}), task="pixel", in_channels=len(CHANNELS), n_outputs=6)
    model(torch.randn(4, 3, 64, 64))  # statistics of the batch norms that are not those of the start
    return model


def physical_input(lines: int, samples: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    mean, std = (np.array(row, np.float32)[:, None, None] for row in (NORMALIZATION.mean, NORMALIZATION.std))
    x = mean + std * rng.standard_normal((2, 3, lines, samples), dtype=np.float32)
    x[0, 1, 5:9, 5:9] = np.nan
    return x


def test_physical_units_and_gaps_are_normalized_as_in_training() -> None:
    x = physical_input(16, 16)
    got = PhysicalModel(nn.Identity(), NORMALIZATION.mean, NORMALIZATION.std)(torch.from_numpy(x)).numpy()
    mean, std = (np.array(row, np.float32)[:, None, None] for row in (NORMALIZATION.mean, NORMALIZATION.std))
    np.testing.assert_array_equal(got, np.nan_to_num((x - mean) / std))
    assert got[0, 1, 5, 5] == 0


@pytest.mark.slow
@pytest.mark.parametrize("blocked", [False, True], ids=["with the project", "without the project"])
def test_a_logged_model_comes_back_the_same_in_another_process(blocked: bool, tmp_path: Path) -> None:
    import mlflow

    model = unet().train()
    folder = export_model(
        model, NORMALIZATION, channels=CHANNELS, task="pixel", patch_size=256, folder=tmp_path / "exported"
    )
    assert model.training, "the network itself is not touched"
    assert mlflow.active_run() is None
    uri = fresh_database(tmp_path)
    tracker = MlflowTracker(uri, "models")
    tracker.start(TrialSpec(), {})
    tracker.log_model(folder)
    tracker.finish("FINISHED")
    x = physical_input(70, 45)  # no size that any example had
    np.save(tmp_path / "x.npy", x)
    code = LOADING.format(uri=uri, run_id=tracker.run_id, folder=str(tmp_path), blocked=blocked)
    # Sums are the same to the bit with the same number of threads only, and tests of training run on one.
    environment = {**os.environ, "PYTHONPATH": "" if blocked else str(ROOT), "OMP_NUM_THREADS": "1"}
    (tmp_path / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        want = PhysicalModel(model.eval(), NORMALIZATION.mean, NORMALIZATION.std)(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), want)
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), want)
    example = np.load(tmp_path / "example.npy")
    assert example.shape == (1, 3, 32, 32)
    assert example.dtype == np.float32
    assert np.nanmean(example[0, 1]) == pytest.approx(270, abs=2)
    assert np.isnan(example[0, :, 0, 0]).all()


def test_the_model_says_what_it_takes_and_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # no look at the network
    started = time.monotonic()
    export_model(unet(), NORMALIZATION, channels=CHANNELS, task="pixel", patch_size=16, folder=tmp_path / "m")
    assert time.monotonic() - started < 60
    assert [path.name for path in tmp_path.iterdir()] == ["m"], "nothing beside the model"
    content = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert '"shape": [-1, 3, -1, -1]' in content["signature"]["inputs"]
    assert '"shape": [-1, 6, -1, -1]' in content["signature"]["outputs"]
    assert '"dtype": "float32"' in content["signature"]["inputs"]
    assert content["metadata"] == {
        "channels": list(CHANNELS),
        "units": ["dB", "K", "1"],
        "task": "pixel",
        "patch_size": 16,
    }
    lines = (tmp_path / "m" / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in lines} == {"cloudpickle", "mlflow", "numpy", "torch"}
    assert f"torch=={torch.__version__.partition('+')[0]}" in lines


class Classifier(nn.Module):
    """(B, 3, H, W) -> (B, 6), of patches that are large enough."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 6)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        if x_BCHW.shape[-1] < 64:
            raise ValueError("too small")
        out: torch.Tensor = self.linear(x_BCHW.mean(dim=(-1, -2)))
        return out


class Heads(nn.Module):
    def forward(self, x_BCHW: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"SOD": x_BCHW, "FLOE": x_BCHW}


def export(model: nn.Module, folder: Path, patch_size: int, channels: Sequence[str] = CHANNELS) -> str:
    export_model(model, NORMALIZATION, channels=channels, task="any", patch_size=patch_size, folder=folder)
    return (folder / "MLmodel").read_text()


def test_networks_of_other_forms(tmp_path: Path) -> None:
    classifier = yaml.safe_load(export(Classifier(), tmp_path / "classifier", 224))
    assert '"shape": [-1, 6]' in classifier["signature"]["outputs"]
    heads = yaml.safe_load(export(Heads(), tmp_path / "heads", 16))
    assert heads["signature"]["outputs"] is None


def test_what_cannot_be_exported_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"does not take 3 channels of 48 x 48 pixels \(too small\)"):
        export(Classifier(), tmp_path / "small", 48)
    with pytest.raises(SpecError, match="give both in the same order"):
        export(unet(), tmp_path / "unet", 16, CHANNELS[::-1])
    assert list(tmp_path.iterdir()) == []
