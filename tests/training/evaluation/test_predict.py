import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional

from datasets.labels import SIC, SOD
from tests.training.evaluation.scene_inputs import TensorInputs
from training.evaluation.field_of_view import FARTHEST
from training.evaluation.predict import outputs_of, predict_scene, predict_tiles, read_ahead, with_first_window
from training.evaluation.tiles import Tiling, tiling_of
from training.models import build_model
from training.models.heads import Head
from training.models.unet import UNet
from training.spec import ModelSpec


def random_stats(model: nn.Module) -> nn.Module:
    """Batch norm as after some training."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


class Pooled(nn.Module):
    """Like DeepLabV3 of the benchmark in small: 1/4, wide rates, means of cells, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.wide = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=rate, dilation=rate) for rate in (1, 6))
        self.cell = nn.AvgPool2d(4, 4, ceil_mode=True)
        self.head = nn.Conv2d(24, 6, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deep = self.encoder(x)
        coarse = functional.interpolate(self.cell(deep), scale_factor=4.0, mode="bilinear")
        parts = [*(branch(deep) for branch in self.wide), coarse[..., : deep.shape[2], : deep.shape[3]]]
        grown = functional.interpolate(self.head(torch.cat(parts, 1)), scale_factor=4.0, mode="bilinear")
        return grown[..., : x.shape[2], : x.shape[3]]


class Padded(nn.Module):
    """A network for sides that are multiples of 32, made to take any."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        y = self.network(functional.pad(x, (0, -width % 32, 0, -height % 32), mode="replicate"))
        return y[..., :height, :width]


def unet() -> nn.Module:
    return UNet(3, 6, filters=(4, 4, 8))


def smp_unet() -> nn.Module:
    return Padded(
        smp.Unet(
            "resnet18", encoder_depth=3, decoder_channels=(16, 8, 8), encoder_weights=None, in_channels=3, classes=6
        )
    )


NETWORKS = {"unet": unet, "deeplab": Pooled, "smp": smp_unet}
MEASURED: dict[str, tuple[nn.Module, Tiling]] = {}


def measured(name: str) -> tuple[nn.Module, Tiling]:
    if name not in MEASURED:
        torch.manual_seed(0)
        model = random_stats(NETWORKS[name]())
        MEASURED[name] = model, tiling_of(model, 3, 64)
    return MEASURED[name]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(131, 257), (200, 64), (33, 20), (1, 300), (192, 128)], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_give_what_the_scene_in_one_piece_gives(name: str, shape: tuple[int, int]) -> None:
    model, tiling = measured(name)
    assert tiling.side <= 64
    assert not tiling.why_not_exact
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    whole = outputs_of(model, x[None])[0]
    count = torch.zeros(shape)
    for tile in predict_tiles(model, TensorInputs(x), tiling):
        count[tile.lines, tile.samples] += 1
        there = whole[:, tile.lines, tile.samples]
        assert tile.outputs_KHW.shape == there.shape
        assert torch.allclose(tile.outputs_KHW, there, rtol=0, atol=1e-5)
    assert (count == 1).all()
    classes = predict_scene(model, TensorInputs(x), [HEAD], tiling)["SOD"]
    assert np.array_equal(classes, whole.argmax(0).numpy())


HEAD = Head(chart=SOD, regression=False, first=0)


@pytest.mark.slow
def test_the_unet_of_smp_as_it_comes_is_exact_in_tiles() -> None:
    torch.manual_seed(0)
    model = random_stats(build_model(ModelSpec(name="smp:unet"), task="pixel", in_channels=3, n_outputs=6))
    tiling = tiling_of(model, 3, 64)
    assert not tiling.why_not_exact
    x = torch.randn(3, 64, 1001, generator=torch.Generator().manual_seed(1))
    whole = outputs_of(model, x[None])[0]
    cut = torch.cat([tile.outputs_KHW for tile in predict_tiles(model, TensorInputs(x), tiling)], dim=2)
    torch.testing.assert_close(cut, whole, rtol=0, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("name", ["smp:fpn", "smp:pspnet"])
def test_networks_that_average_over_the_scene_are_not_exact_in_tiles(name: str) -> None:
    model = build_model(ModelSpec(name=name), task="pixel", in_channels=3, n_outputs=6)
    assert tiling_of(model, 3, 64).why_not_exact == f"it sees more than {FARTHEST} pixels around"


def test_a_halo_that_is_too_small_shows() -> None:
    """The test above would see a halo that is left out."""
    model, tiling = measured("unet")
    x = torch.randn(3, 131, 257, generator=torch.Generator().manual_seed(1))
    whole = outputs_of(model, x[None])[0]
    narrow = Tiling(side=tiling.side, halo=0, stride=tiling.stride)
    worst = max(
        float((tile.outputs_KHW - whole[:, tile.lines, tile.samples]).abs().max())
        for tile in predict_tiles(model, TensorInputs(x), narrow)
    )
    assert worst > 1e-4


class Recorder(nn.Module):
    """Notes the shapes that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert torch.is_inference_mode_enabled()
        assert not self.training
        assert x.dtype == torch.float32
        self.shapes.append(tuple(x.shape))
        return x.repeat(1, 6, 1, 1)


@pytest.mark.parametrize("shape", [(300, 100), (3000, 200)])
def test_what_the_network_is_given_does_not_grow_with_the_scene(shape: tuple[int, int]) -> None:
    model = Recorder().train()
    tiling = Tiling(side=64, halo=16, stride=16)
    inputs = TensorInputs(torch.zeros(1, *shape))
    rasters = predict_scene(model, inputs, [HEAD], tiling)
    assert rasters["SOD"].shape == shape
    assert rasters["SOD"].dtype == np.uint8
    assert max(max(lines, samples) for _, _, lines, samples in model.shapes) == 64 + 2 * 16
    assert all(lines.stop - lines.start <= 96 and samples.stop - samples.start <= 96 for lines, samples in inputs.asked)


def test_each_head_has_its_raster() -> None:
    class Says(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            sic = x[:, :1] * 0 + 3.6
            sod = functional.one_hot(torch.full(x[:, 0].shape, 2), 6).permute(0, 3, 1, 2)
            return torch.cat([sod, sic], 1)

    heads = [Head(chart=SOD, regression=False, first=0), Head(chart=SIC, regression=True, first=6)]
    rasters = predict_scene(Says(), TensorInputs(torch.zeros(1, 5, 7)), heads, Tiling(side=4, halo=0, stride=1))
    assert rasters.keys() == {"SOD", "SIC"}
    assert (rasters["SOD"] == 2).all()
    assert (rasters["SIC"] == 4).all()


def test_a_double_or_half_input_is_computed_in_float32() -> None:
    assert outputs_of(Recorder(), torch.zeros(1, 1, 2, 2, dtype=torch.float64)).dtype == torch.float32


def test_the_next_is_read_while_the_caller_works() -> None:
    reading, release = threading.Event(), threading.Event()

    def load(number: int) -> int:
        if number == 1:
            reading.set()
            assert release.wait(60)
        return number * number

    stream = read_ahead([0, 1, 2], load)
    assert next(stream) == 0
    assert reading.wait(60), "1 is read although nobody asked for it"
    release.set()
    assert list(stream) == [1, 4]
    assert list(read_ahead([], load)) == []


def test_no_more_is_read_than_one_ahead() -> None:
    loaded: list[int] = []
    stream = read_ahead(range(10), loaded.append)
    next(stream)
    time.sleep(0.05)
    assert len(loaded) <= 2
    stream.close()


def test_an_error_of_reading_comes_in_its_turn() -> None:
    def load(number: int) -> int:
        if number == 1:
            raise OSError("the store is away")
        return number

    stream: Iterator[int] = read_ahead([0, 1, 2], load)
    assert next(stream) == 0
    with pytest.raises(OSError, match="the store is away"):
        next(stream)


def test_the_first_window_is_read_at_once_and_only_once() -> None:
    tiling = Tiling(side=4, halo=2, stride=2)
    inputs = TensorInputs(torch.arange(70.0).reshape(1, 7, 10))
    primed = with_first_window(inputs, tiling)
    assert inputs.asked == [(slice(0, 6), slice(0, 6))]
    assert primed.shape == (7, 10)
    model = Recorder()
    rasters = predict_scene(model, primed, [HEAD], tiling)
    assert len(inputs.asked) == len(model.shapes) == len(list(tiling.tiles((7, 10))))
    assert rasters["SOD"].shape == (7, 10)
    assert torch.equal(primed.window(slice(0, 6), slice(0, 6)), inputs.x_CHW[:, :6, :6]), "read again"


def test_who_leaves_half_way_does_not_wait_for_the_reader() -> None:
    """Else a generator that is collected in the thread that its reader waits for stands still for ever."""
    read_on = threading.Event()
    read = read_ahead(range(3), lambda number: number if number == 0 else read_on.wait(60))
    assert next(read) == 0
    started = time.monotonic()
    read.close()
    assert time.monotonic() - started < 30
    read_on.set()
