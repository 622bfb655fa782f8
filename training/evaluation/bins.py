"""What a confusion matrix counts: `ScoreKey` names a grid, a chart and a bin of test scenes; sums of scenes by it.

Keys are text only where they leave the program, in result.json: `test_80m/SOD/season/winter`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, cast, get_args

from datasets.grids import pixel_spacing
from datasets.scene import SceneRecord
from training.evaluation.confusion import ConfusionMatrix

OWN_GRID: Final = "test"
"""The grid of a trial's own ratio."""
PATCHES: Final = "test_patches"
"""The grid of pure patches, of patch-based trials."""

ALL: Final = "all"
"""Kind, and text, of the bin of every test scene."""
BinKind = Literal["all", "season", "location", "cryoseason", "scene"]


def fixed_grid(ratio: int) -> str:
    """The grid that trials of every ratio are scored on: `test_80m` for ratio 2."""
    return f"{OWN_GRID}_{pixel_spacing(ratio)}m"


def dominance_grid(grid: str, share: float) -> str:
    """The grid of a truth with another share of dominance: `test_80m_d90` for 0.9."""
    return f"{grid}_d{100 * share:g}"


@dataclass(frozen=True)
class Bin:
    """Test scenes that are scored together: all, those of a season (`season/winter`), or one scene by its scene_id."""

    kind: BinKind = ALL
    value: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.value}" if self.value else self.kind

    @classmethod
    def parse(cls, text: str) -> "Bin":
        """Reads what `str` wrote; raises ValueError."""
        kind, _, value = text.partition("/")
        if kind not in get_args(BinKind) or (kind == ALL) == bool(value):
            raise ValueError(f"{text!r} is no bin: write all, or one of {', '.join(get_args(BinKind)[1:])} and a value")
        return cls(cast(BinKind, kind), value)

    @property
    def is_group(self) -> bool:
        """Whether it is a season, a location or a cryoseason."""
        return self.kind not in (ALL, "scene")


@dataclass(frozen=True)
class ScoreKey:
    """What a confusion matrix counts: pixels of a grid (`test`, `test_80m`, `test_patches`), by class of a chart.

    Of all scored scenes or a bin of them; where the matrix is of one scene, the bin is `all`.
    """

    grid: str
    chart: str
    bin: Bin = Bin()

    def __str__(self) -> str:
        return f"{self.grid}/{self.chart}/{self.bin}"

    @classmethod
    def parse(cls, text: str) -> "ScoreKey":
        """Reads what `str` wrote; raises ValueError."""
        parts = text.split("/", 2)
        if len(parts) != 3:
            raise ValueError(f"{text!r} is no key of a score: write grid/chart/bin")
        return cls(parts[0], parts[1], Bin.parse(parts[2]))


ScoredScene = tuple[SceneRecord, Mapping[ScoreKey, ConfusionMatrix]]
"""A scene and its matrices by grid and chart."""


def bins_of(record: SceneRecord) -> tuple[Bin, ...]:
    """Bins that a scene counts in; a scene without cryoseason is in no cryoseason bin."""
    names = [Bin(), Bin("season", record.season), Bin("location", record.location)]
    if record.cryoseason is not None:
        names.append(Bin("cryoseason", record.cryoseason))
    return (*names, Bin("scene", record.scene_id))


def sum_bins(scored: Iterable[ScoredScene]) -> dict[ScoreKey, ConfusionMatrix]:
    """Sums the matrices of scenes by grid, chart and bin."""
    sums: dict[ScoreKey, ConfusionMatrix] = {}
    for record, matrices in scored:
        for of_scene, matrix in matrices.items():
            for each in bins_of(record):
                key = replace(of_scene, bin=each)
                sums[key] = sums[key] + matrix if key in sums else matrix
    return sums
