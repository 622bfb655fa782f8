"""Two processes that train together give what one gives: the same batches, the same loss, the same weights."""

from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch import nn

from datasets.loading.batch import Batch
from tests.training.loop.cpu_batch_norm import with_cpu_sync
from tests.training.loop.training_batches import InMemory, learnable, trainer_of
from training.data.augment import augment
from training.loop.epoch import ValScores
from training.loop.processes import Processes
from training.loop.trainer import FitState
from training.spec import AugmentSpec, OptimizerSpec

PATCHES = 4
CHANGES = AugmentSpec(flip_lines=0.5, rotate90=0.5, rotate=0.5, scale=0.5, cutmix=0.7)
NO_LOSS = ValScores(loss=1.0, f1=0.0, f1_macro=0.0, accuracy=0.0, score=0.0)


class Part(InMemory):
    """Every `world`-th patch of each batch, augmented."""

    def __init__(self, processes: Processes) -> None:
        super().__init__(3, lambda epoch, number: learnable(10 * epoch + number))
        self.processes = processes

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = self.example(epoch, number)
        y = y.clone()
        y[1::2, :, :9] = 255  # the parts have unlike numbers of labelled pixels
        draws = torch.Generator().manual_seed(10 * epoch + number)
        x, y = self.processes.part(x), self.processes.part(y)
        return augment(x, y, CHANGES, draws, processes=self.processes, batch_size=PATCHES)


def network() -> nn.Module:
    torch.manual_seed(3)
    layers = nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1)
    return with_cpu_sync(nn.Sequential(*layers))


def train(processes: Processes, loss: str) -> FitState:
    torch.set_num_threads(1)
    spec = OptimizerSpec(name="sgd", lr=0.1, schedule="cosine", restart_epochs=4, clip_norm=5.0)
    made = trainer_of(network(), 3, spec, processes=processes, loss=loss, max_epochs=2)
    return made.fit(Part(processes), lambda model: NO_LOSS)


def work(rank: int, folder: str, loss: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    processes = Processes.current()
    assert (processes.rank, processes.world, processes.is_first) == (rank, 2, rank == 0)
    assert processes.gather(rank) == [0, 1]
    assert processes.share(f"from {rank}") == "from 0"
    for rows in (4, 5):
        numbered = torch.arange(3.0 * rows).reshape(rows, 3)
        assert torch.equal(processes.whole(processes.part(numbered), rows), numbered)
    state = train(processes, loss)
    torch.save({"weights": state.weights, "losses": [row.train_loss for row in state.history]}, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cross_entropy", "dice"])
def test_two_processes_train_what_one_trains(tmp_path: Path, loss: str) -> None:
    torch.multiprocessing.spawn(work, args=(str(tmp_path), loss), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    alone = train(Processes(), loss)
    assert first["losses"] == second["losses"]
    assert first["losses"] == pytest.approx([row.train_loss for row in alone.history], rel=1e-4)
    for name, value in alone.weights.items():
        torch.testing.assert_close(first["weights"][name], value, rtol=1e-3, atol=1e-5)
        assert torch.equal(first["weights"][name], second["weights"][name])


def test_batch_norm_that_each_process_has_of_its_own_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("training.loop.processes.DistributedDataParallel", lambda model: model)
    plain = nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8))
    Processes(1, 2).wrap(plain, torch.device("cpu"))
    Processes(0, 2).wrap(network(), torch.device("cpu"))
    assert not caplog.messages, "the first process tells, and only where it is so"
    Processes(0, 2).wrap(plain, torch.device("cpu"))
    (message,) = caplog.messages
    assert "each of the 2 processes has a batch norm of its own part of a batch" in message
    assert "the numbers are not those of one process" in message


def test_one_process_is_alone_without_any_group() -> None:
    processes = Processes.current()
    values = torch.ones(3)
    assert processes == Processes(0, 1)
    assert processes.sum(values) is values
    assert processes.gather("x") == ["x"]
    assert processes.whole(values, 3) is values
    model = network()
    assert processes.wrap(model, torch.device("cpu")) is model
