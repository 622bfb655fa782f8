from pathlib import Path

import pytest
import torch

from datasets.loading.normalize import Normalization
from training.loop.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from training.models import build_model
from training.spec import ModelSpec, TrialSpec

SPEC = TrialSpec(model=ModelSpec(params={"filters": [4, 8]})).with_("data.channels", ["t2m", "month"])
NORMALIZATION = Normalization(channels=("t2m", "month"), mean=(260.0, 6.5), std=(10.0, 3.5))


def checkpoint() -> Checkpoint:
    model = build_model(SPEC.model, task="pixel", in_channels=2, n_outputs=6)
    return Checkpoint(spec=SPEC, normalization=NORMALIZATION, epoch=3, state=model.state_dict())


def test_what_is_saved_reads_back(tmp_path: Path) -> None:
    saved = checkpoint()
    save_checkpoint(tmp_path / "new" / "best.pt", saved)
    read = load_checkpoint(tmp_path / "new" / "best.pt")
    assert (read.spec, read.normalization, read.epoch) == (SPEC, NORMALIZATION, 3)
    assert all(torch.equal(read.state[name], value) for name, value in saved.state.items())
    assert read.state.keys() == saved.state.keys()


def test_the_network_of_a_checkpoint_predicts_the_same(tmp_path: Path) -> None:
    saved = checkpoint()
    save_checkpoint(tmp_path / "best.pt", saved)
    x = torch.randn(1, 2, 9, 9)
    assert torch.equal(load_checkpoint(tmp_path / "best.pt").model()(x), saved.model()(x))
    assert not saved.model().training


def test_the_file_holds_no_code(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best.pt", checkpoint())
    content = torch.load(tmp_path / "best.pt", weights_only=True)
    assert set(content) == {"format", "kind", "spec", "normalization", "epoch", "state"}


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "best.pt"
    save_checkpoint(path, checkpoint())

    def torn(content: object, file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, checkpoint())
    assert load_checkpoint(path).epoch == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no checkpoint at all", "cannot be read"), (b"", "cannot be read"), (b"PK\x03\x04torn", "cannot be read")],
)
def test_a_file_that_is_no_checkpoint(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "best.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tmp_path / "best.pt")


def test_other_formats_and_missing_files(tmp_path: Path) -> None:
    torch.save({"format": 99}, tmp_path / "new.pt")
    torch.save(torch.zeros(2), tmp_path / "tensor.pt")
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(tmp_path / "new.pt")
    with pytest.raises(CheckpointError, match="format None"):
        load_checkpoint(tmp_path / "tensor.pt")
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "none.pt")
