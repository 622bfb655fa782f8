"""`DataSpec`: which scenes, channels, charts and patches a trial is made of."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from datasets.channels import INPUTS, check_channels
from datasets.grids import pixels_of
from datasets.labels import chart
from datasets.seasons import CryoFilter, Location, Season
from training.spec.errors import Part

Task = Literal["pixel", "patch"]
TASKS: Final[tuple[Task, ...]] = get_args(Task)
FORMER_TASKS: Final[Mapping[str, Task]] = {"segmentation": "pixel", "classification": "patch"}
"""Names of the tasks in files and records of earlier versions."""
Statistics = Literal["pooled", "scene_average"]
Selection = Literal["all", "source"]


def task_word(given: Any) -> Any:  # noqa: ANN401 (what a file says)
    """Today's name for a task with a name of an earlier version; anything else unchanged."""
    return FORMER_TASKS.get(given, given) if isinstance(given, str) else given


class SceneFilter(Part):
    """Which scenes of a split: every field that is set must hold; none set means all.

    Cryoseason `known` are scenes of melt or freeze, without those that have neither.
    """

    season: Season | None = None
    location: Location | None = None
    cryoseason: CryoFilter | None = None


class DataSpec(Part):
    """Inputs and targets of the network, and the patches that it is trained on.

    Attributes:
        lake: Digest of recipe and scenes of the lake (`datasets.lake.Lake.digest`); empty until a study is bound to a
            lake.
        task: `pixel` gives every pixel a class (pixel-based), `patch` a whole patch (patch-based).
        ratio: Downscale ratio to 40 m: 2 is 80 m pixel spacing.
        channels: Inputs in order, names of `datasets.channels`.
        targets: Charts to predict, of SOD, SIC and FLOE; scores without a prefix are of the first.
        patch_size: Side of a patch in pixels of the ratio.
        max_masked: Largest share of unlabelled pixels in a pixel-based training patch (0.3: published). Patch-based
            training takes pure patches only: one class and no unlabelled pixel.
        max_land: Largest share of land pixels (zone 0 of `distance_map`) in a training patch; 1 is no rule.
        border_distance: Metres from the border of an ice-chart polygon. Nearer pixels are unlabelled in pixel-based
            training patches, and no patch-based one holds any. 0 is no rule.
        stride: Pixels between the windows of patch-based training (100: published).
        stride_m: The same in metres, rounded to whole pixels; it takes the place of `stride` where it is set, so that
            trials of different ratios step alike.
        balanced: Whether every class of the first chart is drawn equally often: as the class of a patch in patch-based
            training, and as one that a crop surely holds, an eighth of its side wide, in pixel-based training.
        scene_share: Share of the training scenes that is used, at least one scene: the first ones of an order that the
            trial's seed draws, so a smaller share is inside every larger one.
        max_patches: Number of different training patches at most, also the first ones of a seeded order; None is no
            limit: all windows where patch-based, ever new crops where pixel-based.
        statistics: What channels are normalized with: `pooled`, mean and deviation over all pixels of the
            training scenes, or `scene_average`, the deviations of scenes averaged (as published), which leaves out what
            differs between scenes.
        dominance: Share of the ice from which a stage or floe size names a polygon in the labels of training and val
            scenes, from the polygons of the lake; None takes its charts, so the share that it was built with (0.65 is
            that of AI4Arctic). Pixel-based trials only. Test scenes: see `evaluation.dominance`.
        selection: What chooses the epoch and normalizes: `all`, the val scenes of `val` and all training scenes of
            the lake (as published), or `source`, only val scenes that `train` selects too, and the scenes that are
            trained on. So `source` uses no label and no statistic of another season or place. Where no val scene is
            selected, a tenth of the training scenes is held out, whole orbit passes.
        size_matched: Trains on as many scenes as `train` selects, with as many labelled pixels, drawn from all training
            scenes with the trial's seed: tells what a set of scenes does from what its size does. With `selection`
            source, val scenes are drawn likewise.
        train: Scenes to train on, of the split "train".
        val: Scenes for early stopping, of the split "val".
        test: Scenes to score, of the split "test".
    """

    lake: str = ""
    task: Annotated[Task, BeforeValidator(task_word)] = "pixel"
    ratio: int = Field(default=2, ge=1)
    channels: tuple[str, ...] = INPUTS
    targets: tuple[str, ...] = ("SOD",)
    patch_size: int = Field(default=256, ge=16)
    max_masked: float = Field(default=0.3, ge=0.0, lt=1.0)
    max_land: float = Field(default=1.0, ge=0.0, le=1.0)
    border_distance: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    stride: int = Field(default=100, ge=1)
    stride_m: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    balanced: bool = False
    scene_share: float = Field(default=1.0, gt=0.0, le=1.0)
    max_patches: int | None = Field(default=None, ge=1)
    statistics: Statistics = "pooled"
    dominance: float | None = Field(default=None, gt=0.0, le=1.0)
    selection: Selection = "all"
    size_matched: bool = False
    train: SceneFilter = SceneFilter()
    val: SceneFilter = SceneFilter()
    test: SceneFilter = SceneFilter()

    @property
    def primary(self) -> str:
        """The chart of scores without a prefix."""
        return self.targets[0]

    @property
    def window_stride(self) -> int:
        """Pixels between the windows of patch-based training."""
        return self.stride if self.stride_m is None else pixels_of(self.stride_m, self.ratio)

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        check_channels(names)
        return _once_each("channels", names)

    @field_validator("targets")
    @classmethod
    def _known_charts(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            chart(name)
        return _once_each("targets", names)

    @model_validator(mode="after")
    def _fits_task(self) -> "DataSpec":
        if self.task == "patch" and len(self.targets) > 1:
            raise ValueError(
                f"a patch-based trial has one target, got {list(self.targets)}: a patch that is pure in one chart is "
                "not pure in another"
            )
        if self.task == "patch" and self.dominance is not None:
            raise ValueError("data.dominance is for pixel-based trials: patches are indexed by the charts of the lake")
        if self.task == "pixel" and self.balanced and self.dominance is not None:
            raise ValueError("data.balanced looks for the classes of the lake's charts: leave data.dominance out")
        if self.size_matched and self.train == SceneFilter():
            raise ValueError("data.size_matched needs a season, location or cryoseason in data.train to be sized as")
        return self


def _once_each(what: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{what} must be named once each and at least one, got {list(names)}")
    return names
