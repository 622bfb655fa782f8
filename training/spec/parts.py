"""The parts of a spec beside its data: model, optimizer, loss, augmentation, loop, evaluation."""

import json
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from datasets.labels import chart
from training.spec.errors import Part

Schedule = Literal["none", "cosine_warm_restarts", "cosine", "step", "plateau", "as_published"]


class InputsSpec(Part):
    """What a pretrained network wants to see of our channels; by default all of `data.channels`, as the lake has them.

    Attributes:
        channels: Which of `data.channels`, in the order of the network's inputs; one may be taken several times.
        mean: One for each input, in its units; null takes that of the training scenes. Empty takes all of these.
        std: Deviations likewise, null where the mean is.
        sar: What SAR backscatter is given as: the lake's `dB`, `power` (10^(dB/10)) or `amplitude` (10^(dB/20)), of
            which mean and deviation must be given then.
    """

    channels: tuple[str, ...] = ()
    mean: tuple[float | None, ...] = ()
    std: tuple[float | None, ...] = ()
    sar: Literal["dB", "power", "amplitude"] = "dB"

    @field_validator("mean", "std")
    @classmethod
    def _numbers(cls, values: tuple[float | None, ...], info: ValidationInfo) -> tuple[float | None, ...]:
        least = 0.0 if info.field_name == "std" else -float("inf")
        if not all(value is None or least < value < float("inf") for value in values):
            raise ValueError(f"they must be numbers{' above 0' if least == 0.0 else ''} or null, got {list(values)}")
        return values


class ModelSpec(Part):
    """A network of `training.models`.

    Attributes:
        name: A network of the benchmark (`unet`), `timm:NAME`, `smp:ARCHITECTURE`, `package.module:Class`, or a floor
            that is fitted on single pixels (`floor:trees`).
        params: Its own parameters (`{"filters": [16, 32, 64, 64]}`).
        pretrained: `imagenet` for the weights that the network's library has on this machine, or the path of a file of
            weights; nothing is ever downloaded. `PATH#DIGEST`, with at least 8 digits of the file's SHA-256, ties the
            trial to its content. None starts from random weights.
        freeze: `encoder` leaves the part of the network that makes features as it starts (`training.models.encoder`),
            weights and statistics of batch norm alike, and trains what is behind it.
        head: `linear` puts one 1x1 convolution behind the features of a pixel-based network, in place of its decoder;
            with a frozen encoder that is a linear probe. `own` leaves the network as it is.
        inputs: Which channels it takes, and their normalization.
    """

    name: str = "unet"
    params: dict[str, Any] = Field(default_factory=dict)
    pretrained: str | None = None
    freeze: Literal["none", "encoder"] = "none"
    head: Literal["own", "linear"] = "own"
    inputs: InputsSpec = InputsSpec()

    @field_validator("params")
    @classmethod
    def _plain_json(cls, params: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(params, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError("parameters must be plain JSON values (numbers, text, lists)") from error
        return params


class OptimizerSpec(Part):
    """Optimizer, learning rate and schedule (published defaults: Adam, 1e-4, warm restarts every 20 epochs).

    Attributes:
        name: Optimizer.
        lr: Learning rate at the start.
        encoder_lr_factor: The encoder's learning rate is this many times that of the rest; see `model.freeze`.
        weight_decay: L2 term for Adam and SGD, decoupled for AdamW.
        momentum: Of SGD (0.9: AutoICE winner, MMSeaIce configs/sic_mse).
        clip_norm: Largest norm of the gradient over all weights; None does not clip.
        schedule: `cosine_warm_restarts` falls to 0 along a half cosine again and again, `cosine` once, `step` and
            `plateau` multiply the rate by `factor`. All but `plateau` advance with every batch. `as_published` are warm
            restarts that take the val loss for the number of the epoch, after every epoch, as the published code did:
            the rate stays within a few percent of its start.
        length: Of schedules: `epochs`, the numbers below, or `trial`, all of `loop.max_epochs`: one half cosine for
            `cosine`, and a third of it for a cycle of `cosine_warm_restarts` and between two steps of `step`.
        restart_epochs: Epochs of one cycle of `cosine_warm_restarts` (20: published), and of the only one of `cosine`,
            which stays at 0 after it.
        step_epochs: Epochs between two steps of `step` (30: published for pixel-based training, 10 for patch-based).
        plateau_epochs: Epochs without a better val loss before `plateau` steps (10: published).
        factor: Of `step` and `plateau` (0.1: published).
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(default=1e-4, gt=0.0, allow_inf_nan=False)
    encoder_lr_factor: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    weight_decay: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    clip_norm: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    schedule: Schedule = "cosine_warm_restarts"
    length: Literal["epochs", "trial"] = "epochs"
    restart_epochs: int = Field(default=20, ge=1)
    step_epochs: int = Field(default=30, ge=1)
    plateau_epochs: int = Field(default=10, ge=1)
    factor: float = Field(default=0.1, gt=0.0, lt=1.0)


class LossSpec(Part):
    """Loss over labelled pixels or patches.

    Attributes:
        name: Of the heads that predict classes: cross-entropy, focal loss (Lin et al. 2017), or cross-entropy plus
            Dice loss (Milletari et al. 2016) in equal parts.
        focal_gamma: How much less focal loss weighs easy pixels (2: Lin et al.; 0 is cross-entropy).
        class_weights: `balanced` weighs a class by the inverse of its share in training: of the labelled pixels of the
            training scenes where pixel-based (also where crops are drawn balanced: then it counts twice), of the
            patches as they are drawn where patch-based; weights average 1 over these. Or one weight per class of the
            first target.
        sic: Whether SIC is predicted as one of 11 classes, or by regression on the class number with mean squared error
            (AutoICE winner).
        task_weights: Weight of each chart in the sum (1 where not given; AutoICE winner: SIC 1, SOD 3, FLOE 3).
    """

    name: Literal["cross_entropy", "focal", "dice"] = "cross_entropy"
    focal_gamma: float = Field(default=2.0, ge=0.0, allow_inf_nan=False)
    class_weights: Literal["none", "balanced"] | tuple[float, ...] = "none"
    sic: Literal["classes", "regression"] = "classes"
    task_weights: dict[str, float] = Field(default_factory=dict)

    @field_validator("task_weights")
    @classmethod
    def _known_charts(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            chart(name)
            if not 0.0 < weight < float("inf"):
                raise ValueError(f"the weight of {name} must be above 0, got {weight}")
        return weights

    @field_validator("class_weights")
    @classmethod
    def _positive(cls, weights: str | tuple[float, ...]) -> str | tuple[float, ...]:
        if not isinstance(weights, str) and not all(0.0 <= weight < float("inf") for weight in weights):
            raise ValueError(f"class weights must be 0 or more, got {list(weights)}")
        return weights


class AugmentSpec(Part):
    """Random changes of training patches, image and label together; every value of 0 is off.

    Attributes:
        flip_lines: Probability that a patch is flipped along track.
        flip_samples: Probability that a patch is flipped across track.
        rotate90: Probability of a rotation by 90, 180 or 270 degrees.
        rotate: Probability of a rotation by up to `rotate_degrees`.
        rotate_degrees: Largest angle of it (10: IceBench; 90: AutoICE winner).
        scale: Probability of a change of scale.
        scale_range: Its factor is within 1 - range .. 1 + range (0.1: AutoICE winner).
        turn_wind: Whether the components of the 10 m wind turn with the patch; the published code and the AutoICE
            winner take them for numbers without direction.
        cutmix: Probability that the patches of a batch get a box of another one (Yun et al. 2019).
        cutmix_alpha: Parameter of the Beta distribution of the box's share (1: AutoICE winner).
    """

    flip_lines: float = Field(default=0.0, ge=0.0, le=1.0)
    flip_samples: float = Field(default=0.0, ge=0.0, le=1.0)
    rotate90: float = Field(default=0.0, ge=0.0, le=1.0)
    rotate: float = Field(default=0.0, ge=0.0, le=1.0)
    rotate_degrees: float = Field(default=10.0, gt=0.0, le=180.0)
    scale: float = Field(default=0.0, ge=0.0, le=1.0)
    scale_range: float = Field(default=0.1, gt=0.0, lt=1.0)
    turn_wind: bool = False
    cutmix: float = Field(default=0.0, ge=0.0, le=1.0)
    cutmix_alpha: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)


class LoopSpec(Part):
    """Length of training, what it stops by, and how the network computes.

    Attributes:
        batch_size: Patches in a batch, over all processes of the trial.
        batches_per_epoch: Batches in an epoch; None, for patch-based training only, is every patch once.
        max_epochs: Epochs at most.
        patience: Epochs without a better val score before training stops.
        monitor: What chooses the best epoch: `loss` (IceBench), weighted `f1` of the first target, or `score`, the
            combined AutoICE score of all targets (AutoICE winner).
        precision: Of the network while training. `auto` is bfloat16 on a GPU that has it, else float32. float16 scales
            the loss. Evaluation is in float32 but for `val_precision`. Float32 is never computed as TF32.
        val_precision: Of the val scores after each epoch, which choose the best one. `training` takes them as the
            network trains, in `precision`: faster, and epochs that are nearly as good may change places. Those of the
            chosen epoch are taken again in float32 then; test scores and calibration always are.
        compile: Whether torch.compile is applied to the network.
        feed: Where patches are cut out: by the `loader`'s processes, or on the `device`, whose memory then holds the
            packed training and val scenes. `auto` is the device on a GPU that has room for them, else the loader. It
            changes the speed and not the numbers, so it is not part of the trial's identity.
    """

    batch_size: int = Field(default=16, ge=1)
    batches_per_epoch: int | None = Field(default=500, ge=1)
    max_epochs: int = Field(default=300, ge=1)
    patience: int = Field(default=30, ge=1)
    monitor: Literal["loss", "f1", "score"] = "loss"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    val_precision: Literal["float32", "training"] = "float32"
    compile: bool = False
    feed: Literal["auto", "loader", "device"] = "auto"


class EvaluationSpec(Part):
    """Scoring of whole test scenes.

    Attributes:
        fixed_ratio: Ratio of the grid on which trials of different ratios are compared (2: 80 m); None scores only on
            the trial's own grid.
        tile: Side of the tiles of pixel-based maps in pixels; what is around a tile is seen too, so that a network with
            a limited field of view gives the same as on the whole scene.
        map_stride: Pixels between the windows from which a patch-based network makes a map; None takes those of
            training.
        dominance: Shares of dominance that charts of test scenes are made with besides those of the lake: further
            truths, scored on grids of their own (`test_80m_d90`). At 0.9 fewer pixels have a label, all of which have
            the same one at lower shares.
        map_stride_m: The same in metres, rounded to whole pixels; it takes the place of `map_stride` where it is set.
        maps: What is drawn of each test scene: a picture of every chart, and small maps, from which reports draw
            (`all`); these alone (`small`); or nothing (`none`). It changes no number, so it is not part of the trial's
            identity.
    """

    fixed_ratio: int | None = Field(default=2, ge=1)
    tile: int = Field(default=1024, ge=64)
    map_stride: int | None = Field(default=None, ge=1)
    map_stride_m: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    dominance: tuple[float, ...] = ()
    maps: Literal["all", "small", "none"] = "all"

    @field_validator("dominance")
    @classmethod
    def _shares(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(shares)) != len(shares) or not all(0.0 < share <= 1.0 for share in shares):
            raise ValueError(f"shares of dominance must be above 0, at most 1 and once each, got {list(shares)}")
        return shares
