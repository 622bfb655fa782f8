"""What trials take: GPU time, wall time, money, requests of many trials. Pure arithmetic; GPU figures are a model's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.costs.constants import Constants
from infra.costs.prices import Prices

_PATCH_OF: Final = {"unet": 256, "deeplabv3": 256}
_OTHERS: Final = 224
"""Side of the patches for which a network's traffic was counted."""
VAL_SCENES: Final = 18
TEST_SCENES: Final = 20
_GPUS_OF_A_NODE: Final = 8


@dataclass(frozen=True, kw_only=True)
class TrialWork:
    """What a trial does, and how many such trials there are.

    Attributes:
        trials: How many.
        network: One of `Constants.networks`; others move what the U-Net does.
        ratio: Downscale ratio.
        patch: Side in pixels.
        batch: Patches of a step.
        steps: Of an epoch.
        epochs: At most; early stopping ends some sooner.
    """

    trials: int
    network: str
    ratio: int
    patch: int
    batch: int
    steps: int
    epochs: int


@dataclass(frozen=True, kw_only=True)
class CampaignCost:
    """Trials on some GPUs of a kind.

    Attributes:
        trials: How many.
        gpus: At work, one trial each.
        gpu_hours: Of all trials.
        seconds: From the start to the last trial.
        parts: Seconds that each would take if it were the only limit.
        first: The one that decides.
        calls: To MLflow.
        reads: Requests to the lake: each node reads each ratio once.
        node_bytes: That a node would keep decoded to read the lake once only.
        record_bytes: In MLflow's store of files.
        money: Of the GPUs from the first trial to the last, idle or not, and of requests; None without prices.
    """

    trials: int
    gpus: int
    gpu_hours: float
    seconds: float
    parts: dict[str, float]
    first: str
    calls: float
    reads: float
    node_bytes: float
    record_bytes: float
    money: float | None


def step_seconds(constants: Constants, work: TrialWork, card: str) -> float:
    """A step of training: what it moves over what the card can, or the launch of its kernels, whichever is longer."""
    moved = constants.networks.get(work.network, constants.networks["unet"])
    area = (work.patch / _PATCH_OF.get(work.network, _OTHERS)) ** 2
    rate = constants.bandwidth(card) * constants["bandwidth_share"]
    return max(work.batch * area * moved / rate, constants["step_floor"])


def trial_seconds(constants: Constants, work: TrialWork, card: str) -> float:
    """A trial on one GPU that stops at its last epoch: steps, val scenes after each, test scenes, its own start."""
    rate = constants.bandwidth(card) * constants["bandwidth_share"]
    share = constants.networks.get(work.network, constants.networks["unet"]) / constants.networks["unet"]
    scored = share * constants["pixel_score_bytes"] * constants["scene_pixels"] / work.ratio**2 / rate
    epoch = work.steps * step_seconds(constants, work, card) + VAL_SCENES * scored + constants["epoch_files"]
    return work.epochs * epoch + TEST_SCENES * scored + constants["trial_overhead"]


def parts_of_trials(constants: Constants, trials: Sequence[tuple[int, float]], slots: int) -> dict[str, float]:
    """Seconds that each limit would take by itself, for trials given as how many and seconds of each, in some slots."""
    return {
        "the GPUs": sum(count * seconds for count, seconds in trials) / slots,
        "the longest trial": max((seconds for _, seconds in trials), default=0.0),
        "the driver": sum(count for count, _ in trials) * constants["launch_seconds"],
    }


def decoded_bytes(constants: Constants, scenes: int, ratio: int) -> float:
    """Of scenes at one ratio in the cache of a node: two channels of SAR, zones and a chart."""
    pixel = 2 * (4 if ratio == 1 else 2) + 2
    return pixel * constants["scene_pixels"] / ratio**2 * scenes


def campaign_cost(
    constants: Constants,
    work: Sequence[TrialWork],
    gpus: int,
    card: str,
    *,
    scenes: int = 532,
    prices: Prices | None = None,
) -> CampaignCost:
    """Foretells many trials; raises UnknownNameError for a card that is not listed."""
    each = [(item.trials, trial_seconds(constants, item, card)) for item in work]
    calls = sum(
        item.trials * (constants["mlflow_calls_trial"] + item.epochs * constants["mlflow_calls_epoch"]) for item in work
    )
    parts = parts_of_trials(constants, each, gpus) | {"MLflow": calls / constants["mlflow_rate"]}
    seconds = constants["study_start"] + max(parts.values())
    trials = sum(count for count, _ in each)
    nodes, ratios = math.ceil(gpus / _GPUS_OF_A_NODE), {item.ratio for item in work}
    reads = nodes * len(ratios) * scenes * constants["read_requests"]
    money = None
    if prices is not None:
        money = gpus * seconds / 3600 * prices.gpu_hour + reads / 1000 * prices.read_1000
    return CampaignCost(
        trials=trials,
        gpus=gpus,
        gpu_hours=sum(count * each_seconds for count, each_seconds in each) / 3600,
        seconds=seconds,
        parts=parts,
        first=max(parts, key=lambda name: parts[name]),
        calls=calls,
        reads=reads,
        node_bytes=sum(decoded_bytes(constants, scenes, ratio) for ratio in ratios),
        record_bytes=trials * constants["record_bytes"],
        money=money,
    )
