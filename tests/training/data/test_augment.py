"""Augmentation: image and labels move as one, every patch by its own draw, and only by the seed."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import max_pool2d

from datasets.channels import INPUTS
from datasets.labels import IGNORE
from datasets.loading.normalize import Normalization
from training.data.augment import _draw, augment
from training.data.vector_channels import VectorChannels
from training.spec import AugmentSpec, SpecError, TrialSpec

ALL = AugmentSpec(flip_lines=0.5, flip_samples=0.5, rotate90=0.5, rotate=0.5, scale=0.5, cutmix=0.5)
EXACT = AugmentSpec(flip_lines=0.5, flip_samples=0.5, rotate90=0.75)
PROBABILITIES = ("flip_lines", "flip_samples", "rotate90", "rotate", "scale", "cutmix")
LAW = settings(deadline=None, max_examples=40)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(patches: int = 8, charts: int = 2, size: int = 24, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Blocks of classes, some unlabelled; channel 0 is painted with chart 0, channel 1 numbers the pixels."""
    generator = seeded(seed)
    y = torch.randint(0, 7, (patches, charts, size // 8, size // 8), generator=generator, dtype=torch.uint8)
    y = torch.where(y == 6, IGNORE, y).repeat_interleave(8, -1).repeat_interleave(8, -2)
    number = torch.arange(size * size, dtype=torch.float32).reshape(1, size, size).expand(patches, -1, -1)
    return torch.stack((y[:, 0].float(), number), dim=1), y


def centred(size: int) -> tuple[Tensor, Tensor]:
    """Line and sample of each pixel, from the centre of the patch."""
    line, sample = torch.meshgrid(*(2 * [torch.arange(size) - (size - 1) / 2]), indexing="ij")
    return line.float(), sample.float()


@LAW
@given(seed=SEEDS, charts=st.integers(1, 3), size=st.sampled_from([8, 24]))
def test_flips_and_turns_permute_image_and_labels_alike(seed: int, charts: int, size: int) -> None:
    x, y = batch(charts=charts, size=size, seed=seed)
    moved_x, moved_y = augment(x, y, EXACT, seeded(seed))
    assert torch.equal(moved_x[:, 0], moved_y[:, 0].float())
    for before, after in zip(y, moved_y, strict=True):
        for chart in range(charts):
            assert torch.equal(before[chart].flatten().bincount(), after[chart].flatten().bincount())
    for before, after in zip(x, moved_x, strict=True):
        assert any(torch.equal(after, turned) for turned in eight(before))


def eight(patch: Tensor) -> list[Tensor]:
    return [torch.rot90(flipped, k, (-2, -1)) for flipped in (patch, patch.flip(-1)) for k in range(4)]


@pytest.mark.parametrize(("name", "axis"), [("flip_lines", -2), ("flip_samples", -1)])
def test_each_flip_is_along_its_axis(name: str, axis: int) -> None:
    x, y = batch()
    moved_x, moved_y = augment(x, y, AugmentSpec(**{name: 1.0}), seeded())
    assert torch.equal(moved_x, x.flip(axis))
    assert torch.equal(moved_y, y.flip(axis))


def test_turns_are_by_90_180_or_270_degrees_equally_often() -> None:
    x, y = batch(patches=600, size=8)
    moved, _ = augment(x, y, AugmentSpec(rotate90=1.0), seeded())
    counts = [sum(torch.equal(a, torch.rot90(b, k, (-2, -1))) for a, b in zip(moved, x, strict=True)) for k in range(4)]
    assert counts[0] == 0
    assert sum(counts) == 600
    assert all(count == pytest.approx(200, abs=50) for count in counts[1:])


@LAW
@given(seed=SEEDS, lines=st.booleans(), samples=st.booleans())
def test_flips_come_before_turns(seed: int, lines: bool, samples: bool) -> None:
    """The same seed draws the same turns with and without flips, so the order can be told."""
    x, y = batch()
    axes = [axis for axis, flipped in ((-2, lines), (-1, samples)) if flipped]
    both, _ = augment(
        x, y, AugmentSpec(flip_lines=float(lines), flip_samples=float(samples), rotate90=0.75), seeded(seed)
    )
    turned, _ = augment(x.flip(axes), y, AugmentSpec(rotate90=0.75), seeded(seed))
    assert torch.equal(both, turned)


@LAW
@given(seed=SEEDS)
def test_interpolation_composes_flips_and_turns_as_the_exact_moves_do(seed: int) -> None:
    """A rotation by 0 degrees goes the way of interpolation and must lead to the same place."""
    x, y = batch()
    exact_x, exact_y = augment(x, y, EXACT, seeded(seed))
    still = EXACT.model_copy(update={"rotate": 1.0, "rotate_degrees": 0.0})
    sampled_x, sampled_y = augment(x, y, still, seeded(seed))
    torch.testing.assert_close(sampled_x, exact_x, atol=2e-3, rtol=1e-5)
    assert torch.equal(sampled_y, exact_y)


@LAW
@given(seed=SEEDS)
def test_labels_follow_the_image_through_small_rotations_and_scaling(seed: int) -> None:
    """Away from borders of classes, where bilinear and nearest differ, the painted channel is the label."""
    x, y = batch(size=48, seed=seed)
    x[:, 1] = 1.0
    spec = AugmentSpec(flip_lines=0.5, flip_samples=0.5, rotate90=0.5, rotate=1.0, scale=1.0)
    moved_x, moved_y = augment(x, y, spec, seeded(seed))
    label = moved_y[:, :1].float()
    alike = max_pool2d(label, 3, 1, 1) == -max_pool2d(-label, 3, 1, 1)
    inner = alike[:, 0] & (moved_x[:, 1] > 1 - 1e-4)
    assert inner.float().mean() > 0.4
    torch.testing.assert_close(moved_x[:, 0][inner], label[:, 0][inner], atol=1e-2, rtol=1e-3)


@LAW
@given(seed=SEEDS)
def test_rotation_and_scaling_are_one_similarity_within_their_limits(seed: int) -> None:
    """Linear fields survive bilinear sampling, so their slopes tell the map: angle, factor, no shear."""
    line, sample = centred(32)
    x = torch.stack((sample, line)).expand(16, -1, -1, -1)
    y = torch.zeros(16, 1, 32, 32, dtype=torch.uint8)
    spec = AugmentSpec(rotate=0.5, rotate_degrees=10.0, scale=0.5, scale_range=0.2)
    moved, _ = augment(x, y, spec, seeded(seed))
    centre = moved[:, :, 10:22, 10:22]
    slopes = torch.stack((centre.diff(dim=3).mean((2, 3)), centre.diff(dim=2).mean((2, 3))), dim=2)
    factor = slopes.det() ** -0.5
    assert (factor >= 0.8 - 1e-3).all()
    assert (factor <= 1.2 + 1e-3).all()
    unit = slopes * factor[:, None, None]
    torch.testing.assert_close(unit @ unit.transpose(1, 2), torch.eye(2).expand(16, 2, 2), atol=1e-3, rtol=0)
    angle = torch.atan2(unit[:, 1, 0], unit[:, 0, 0]).rad2deg()
    assert (angle.abs() <= 10.01).all()
    assert not centre.mean((2, 3)).abs().gt(1e-3).any(), "about the centre"


def test_angles_and_factors_fill_their_ranges() -> None:
    line, sample = centred(16)
    x = torch.stack((sample, line)).expand(2000, -1, -1, -1)
    spec = AugmentSpec(rotate=0.5, rotate_degrees=10.0, scale=0.5, scale_range=0.2)
    moved, _ = augment(x, torch.zeros(2000, 1, 16, 16, dtype=torch.uint8), spec, seeded())
    slope = moved[:, :, 8, 8] - moved[:, :, 8, 7]
    angle, factor = torch.atan2(slope[:, 1], slope[:, 0]).rad2deg(), 1 / slope.norm(dim=1)
    for values, middle, width in ((angle, 0.0, 10.0), (factor, 1.0, 0.2)):
        moving = (values - middle).abs() > 1e-4
        assert moving.float().mean() == pytest.approx(0.5, abs=0.04)
        uniform = scipy.stats.uniform(middle - width, 2 * width)
        assert scipy.stats.kstest(values[moving].numpy(), uniform.cdf).pvalue > 1e-3


def test_a_patch_without_rotation_is_not_interpolated_beside_one_with() -> None:
    x, y = batch(patches=64)
    x = torch.randn(x.shape, generator=seeded(3))
    half, _ = augment(x, y, AugmentSpec(rotate=0.5), seeded())
    same = [torch.equal(a, b) for a, b in zip(half, x, strict=True)]
    assert 16 < sum(same) < 48


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_what_was_not_seen_is_no_data_and_no_label(dtype: torch.dtype) -> None:
    x, y = torch.ones(32, 3, 32, 32), torch.full((32, 2, 32, 32), 4, dtype=dtype)
    moved_x, moved_y = augment(x, y, AugmentSpec(rotate=1.0, rotate_degrees=45.0, scale=1.0), seeded())
    assert moved_y.dtype == dtype
    assert set(moved_y.unique().tolist()) == {4, IGNORE}
    outside = moved_x[:, :1] == 0
    assert outside.any()
    assert (moved_y[outside.expand_as(moved_y)] == IGNORE).all()
    assert (moved_x[(moved_y[:, :1] == 4).expand_as(moved_x)] >= 0.25 - 1e-3).all()


@LAW
@given(seed=SEEDS)
def test_the_seed_decides_and_the_inputs_stay(seed: int) -> None:
    x, y = batch()
    kept = x.clone(), y.clone()
    first = augment(x, y, ALL, seeded(seed), vectors=(VectorChannels(u=0, v=1, mean=(1, 2), std=(3, 4)),))
    again = augment(x, y, ALL, seeded(seed), vectors=(VectorChannels(u=0, v=1, mean=(1, 2), std=(3, 4)),))
    for found, expected in zip((*first, x, y), (*again, *kept), strict=True):
        assert torch.equal(found, expected)


def test_another_call_of_the_generator_is_another_result() -> None:
    x, y = batch()
    generator = seeded()
    assert not torch.equal(augment(x, y, ALL, generator)[0], augment(x, y, ALL, generator)[0])


@LAW
@given(seed=SEEDS)
def test_nothing_asked_for_is_nothing_done(seed: int) -> None:
    x, y = batch()
    same_x, same_y = augment(x, y, AugmentSpec(), seeded(seed))
    assert torch.equal(same_x, x)
    assert torch.equal(same_y, y)


@LAW
@given(chances=st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 6))
def test_every_call_takes_as_many_draws(chances: tuple[float, ...]) -> None:
    """What one probability changes is nothing that others draw, now or in the next batch."""
    x, y = batch(patches=3, size=8)
    generator, other = seeded(), seeded()
    augment(x, y, AugmentSpec(**dict(zip(PROBABILITIES, chances, strict=True))), generator)
    augment(x, y, AugmentSpec(cutmix_alpha=0.3), other)
    assert torch.equal(generator.get_state(), other.get_state())


def test_each_patch_has_its_own_draws() -> None:
    x, y = batch(patches=1, size=8)
    x, y = x.expand(800, -1, -1, -1), y.expand(800, -1, -1, -1)
    moved, _ = augment(x, y, AugmentSpec(flip_lines=0.5, flip_samples=0.5), seeded())
    for flipped in (x[0], x[0].flip(-1), x[0].flip(-2), x[0].flip(-2, -1)):
        share = np.mean([torch.equal(patch, flipped) for patch in moved])
        assert share == pytest.approx(0.25, abs=0.05)


@pytest.mark.slow
def test_no_draw_tells_anything_of_another() -> None:
    spec = AugmentSpec(rotate90=1.0, rotate=1.0, scale=0.5, cutmix=0.5)
    generator = seeded()
    draws = [dataclasses.asdict(_draw(1, spec, generator)) for _ in range(2000)]
    columns = {
        name: np.array([np.ravel(draw[name])[-1] for draw in draws], float)
        for name in draws[0]
        if name not in ("partner_B", "resample_B", "transpose_B")
    }
    columns["scaled"] = columns["factor_B"] != 1
    correlation = np.corrcoef(list(columns.values())) - np.eye(len(columns))
    names = list(columns)
    for one, other in (("flip_lines_B", "flip_samples_B"), ("scaled", "factor_B")):  # parts of one draw
        correlation[names.index(one), names.index(other)] = correlation[names.index(other), names.index(one)] = 0
    assert np.abs(correlation).max() < 0.1


@pytest.mark.parametrize("alpha", [1.0, 0.4])
def test_cutmix_lays_one_box_of_one_partner_whose_share_is_of_the_beta_distribution(alpha: float) -> None:
    patches, size = 250, 64
    number = torch.arange(patches)
    y = number.to(torch.int64)[:, None, None, None].expand(-1, 2, size, size)
    x = y[:, :1].float().expand(-1, 3, -1, -1)
    mixed_x, mixed_y = augment(x, y, AugmentSpec(cutmix=1.0, cutmix_alpha=alpha), seeded())
    assert torch.equal(mixed_x[:, 0], mixed_y[:, 0].float())
    assert torch.equal(mixed_x[:, 0], mixed_x[:, 2])
    shares, corners = [], []
    for patch in range(patches):
        box = mixed_y[patch, 0] != patch
        shares.append(box.float().mean().item())
        if not box.any():
            continue
        assert len(mixed_y[patch, 0][box].unique()) == 1, "one partner"
        lines, samples = box.any(1).nonzero()[:, 0], box.any(0).nonzero()[:, 0]
        assert box[lines[0] : lines[-1] + 1, samples[0] : samples[-1] + 1].all(), "a box without holes"
        assert int(box.sum()) == len(lines) * len(samples)
        corners.append((int(lines[0]), int(samples[0])))
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        expected = scipy.stats.beta(alpha, alpha).cdf(share)
        assert np.mean(np.array(shares) < share) == pytest.approx(expected, abs=0.1)
    assert len(set(corners)) > patches / 4


def test_cutmix_is_drawn_for_the_batch() -> None:
    x = torch.arange(4.0).reshape(4, 1, 1, 1).expand(-1, 1, 32, 32)
    y = x.to(torch.uint8)
    generator = seeded()
    mixed = [not torch.equal(augment(x, y, AugmentSpec(cutmix=0.3), generator)[0], x) for _ in range(300)]
    assert np.mean(mixed) == pytest.approx(0.3, abs=0.08)


def test_cutmix_of_one_patch_is_that_patch() -> None:
    x, y = batch(patches=1)
    assert torch.equal(augment(x, y, AugmentSpec(cutmix=1.0), seeded())[0], x)


def test_the_class_of_a_patch_stays_while_it_moves() -> None:
    x, _ = batch()
    y = torch.arange(8)[:, None].expand(-1, 2)
    spec = ALL.model_copy(update={"cutmix": 0.0})
    moved, classes = augment(x, y, spec, seeded())
    assert torch.equal(classes, y)
    assert torch.equal(moved, augment(x, batch()[1], spec, seeded())[0])
    with pytest.raises(SpecError, match=r"augment\.cutmix is for pixel-based trials"):
        TrialSpec().with_all({"augment.cutmix": 0.5, "data.task": "patch"})


@LAW
@given(seed=SEEDS, mean=st.tuples(*[st.floats(-3, 3)] * 2), std=st.tuples(*[st.floats(0.5, 6)] * 2))
def test_a_gradient_field_stays_the_gradient_of_its_field(
    seed: int, mean: tuple[float, float], std: tuple[float, float]
) -> None:
    """Values that turn with the patch, by any flip, turn and rotation, checked by what a vector is."""
    size, patches = 24, 16
    line, sample = centred(size)
    u, v = torch.randn(2, patches, 1, 1, generator=seeded(seed))
    field = u * sample + v * line
    components = [((value - m) / s).expand(-1, size, size) for value, m, s in zip((u, v), mean, std, strict=True)]
    x = torch.stack((components[1], field, components[0]), dim=1)
    y = torch.zeros(patches, 1, size, size, dtype=torch.uint8)
    spec = AugmentSpec(flip_lines=0.5, flip_samples=0.5, rotate90=0.5, rotate=0.5, rotate_degrees=30.0)
    moved, _ = augment(x, y, spec, seeded(seed), vectors=(VectorChannels(u=2, v=0, mean=mean, std=std),))
    inner = moved[:, :, 8:16, 8:16]
    found_u, found_v = inner[:, 2] * std[0] + mean[0], inner[:, 0] * std[1] + mean[1]
    torch.testing.assert_close(inner[:, 1].diff(dim=2), found_u[:, :, 1:], atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(inner[:, 1].diff(dim=1), found_v[:, 1:], atol=2e-3, rtol=1e-3)


def test_scaling_leaves_the_speed_of_the_wind() -> None:
    x, y = torch.ones(8, 2, 16, 16), torch.zeros(8, 1, 16, 16, dtype=torch.uint8)
    vectors = (VectorChannels(u=0, v=1, mean=(0, 0), std=(1, 1)),)
    moved, _ = augment(x, y, AugmentSpec(scale=1.0, rotate=1.0), seeded(), vectors=vectors)
    torch.testing.assert_close(moved[:, :, 8, 8].norm(dim=1), torch.full((8,), math.sqrt(2)))


def test_no_data_of_a_vector_stays_no_data() -> None:
    x, y = torch.ones(32, 2, 16, 16), torch.zeros(32, 1, 16, 16, dtype=torch.uint8)
    x[:, :, 8:] = 0
    vectors = (VectorChannels(u=0, v=1, mean=(2.0, 3.0), std=(1.5, 2.5)),)
    moved, _ = augment(x, y, EXACT, seeded(), vectors=vectors)
    assert (moved == 0).float().mean() == 0.5


def test_the_wind_is_found_by_name() -> None:
    numbers = tuple(float(place + 1) for place in range(len(INPUTS)))
    normalization = Normalization(channels=INPUTS, mean=numbers, std=tuple(10 * number for number in numbers))
    [wind] = VectorChannels.wind(normalization)
    assert (INPUTS[wind.u], INPUTS[wind.v]) == ("u10m_rotated", "v10m_rotated")
    assert wind.mean == (numbers[wind.u], numbers[wind.v])
    assert wind.std == (10 * numbers[wind.u], 10 * numbers[wind.v])
    alone = Normalization(channels=("u10m_rotated", "t2m"), mean=(0.0, 0.0), std=(1.0, 1.0))
    assert VectorChannels.wind(alone) == ()


def test_mixed_precision_around_it_does_not_blur_the_places() -> None:
    x, y = batch(size=128)
    spec = AugmentSpec(rotate=1.0, scale=1.0)
    expected = augment(x, y, spec, seeded())
    with torch.autocast("cpu", torch.bfloat16):
        found = augment(x, y, spec, seeded())
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_patches_that_are_not_square_can_be_rotated_but_not_turned() -> None:
    x, y = torch.zeros(16, 2, 16, 40), torch.zeros(16, 1, 16, 40, dtype=torch.uint8)
    x[:, 0] = torch.arange(16.0)[:, None] - 7.5
    x[:, 1] = torch.arange(40.0) - 19.5
    moved, _ = augment(x, y, AugmentSpec(rotate=1.0, flip_lines=0.5), seeded())
    slopes = torch.stack(((moved[:, :, 8, 20] - moved[:, :, 7, 20]), (moved[:, :, 8, 20] - moved[:, :, 8, 19])), dim=2)
    torch.testing.assert_close(slopes.det().abs(), torch.ones(16), atol=1e-3, rtol=0)
    with pytest.raises(ValueError, match="cannot be turned by 90 degrees: make them square"):
        augment(x, y, AugmentSpec(rotate90=0.5), seeded())


def test_memory_format_changes_nothing() -> None:
    x, y = batch()
    last = x.contiguous(memory_format=torch.channels_last)
    moved, _ = augment(last, y, ALL, seeded())
    torch.testing.assert_close(moved, augment(x, y, ALL, seeded())[0])


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: value} for name in PROBABILITIES for value in (-0.1, 1.1)),
        {"scale_range": 1.0},
        {"cutmix_alpha": 0.0},
        {"rotate_degrees": -1.0},
        {"flip": 0.5},
    ],
)
def test_a_spec_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        AugmentSpec(**wrong)


def test_what_it_drew_reaches_the_device_without_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, which is none of the CPU's: whatever travels there otherwise than by `sent` is an error."""
    travelled: list[Tensor] = []

    def sent(values: Tensor, device: torch.device) -> Tensor:
        travelled.append(values)
        return torch.empty_like(values, device=device)

    def blocking(values: Tensor, *given: object, **how: object) -> Tensor:
        assert not any(isinstance(each, torch.device) and each.type == "meta" for each in given), "it waits"
        return plain(values, *given, **how)

    plain = torch.Tensor.to
    x, y = (values.to("meta") for values in batch())
    for module in ("augment", "vector_channels"):
        monkeypatch.setattr(f"training.data.{module}.sent", sent)
    monkeypatch.setattr(torch.Tensor, "to", blocking)
    vectors = (VectorChannels(u=0, v=1, mean=(2.0, 3.0), std=(1.5, 2.5)),)
    all_of_it = ALL.model_copy(update={"cutmix": 1.0})
    moved, labels = augment(x, y, all_of_it, seeded(), vectors=vectors)
    assert (moved.shape, labels.shape, moved.device.type) == (x.shape, y.shape, "meta")
    assert len(travelled) > 8
    assert not any(values.is_meta for values in travelled)
