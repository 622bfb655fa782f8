"""Does a report tell the truth about seasons: a lake in which the season has no effect, and one in which it has.

Both are of the same synthetic scenes, whose seasons are dealt out anew by chance, so that they say nothing about a
scene. In the second lake SAR of the summer scenes is turned around its mean: what is bright elsewhere is dark there.
The study of seasons runs on each as `--smoke`: the set of the turned season with its control, on test scenes of every
season (`--only selection=source --only train.season=summer`), with the five seeds of a real study. Its report is asked
how many of its differences it tells apart.

**Size.** One set, four seasons and all test scenes, two scores: 10 differences, so the first step of the correction
tests at 0.05 / 10 = 0.005. A pilot with half as many scenes (turned, 384 steps, four seeds, weighted F1) had, in each
season, a difference of 0.24 to 0.27; seeds differ from each other by 0.04 to 0.07, passes by 0.17 to 0.29, and both
together by 0.12 to 0.28. Differences with these deviations (0.25; 0.06 and 0.05; 0.22; 0.15), drawn by chance and
tested by the report's own functions, 200 times each and 400 times without an effect:

| seeds | passes of a season | seeds differ by | a season is told apart | at least one of four |
|---|---|---|---|---|
| 5 | 15 (64 test scenes) | 0.06 | 20 % | 53 % |
| 5 | 30 (128 test scenes) | 0.06 | 36 % | 74 % |
| 10 | 30 | 0.06 | 32 % | 71 % |
| 5 | 22 | 0.05 | 33 % | 70 % |
| 5 | 30 | 0.05 | 45 % | 86 % |
| 5 | 30, no effect | 0.05 | 0.3 % | 1 % |

* Seeds: five, as in a study. Ten find no more, since the set stays one draw.
* Scenes: 128 for testing. What differs most are the draws, by 0.07 in scores of the controls, where networks of one set
  differ by 0.02; with 160 scenes for training instead of 80 a draw has twice as many, and 0.07 should become 0.05.
* Steps: after 96 the difference is smaller, 0.19, and seeds differ by 0.06 to 0.10; 384 train these networks, which are
  small, and see SAR alone: with AMSR2 they read ice without it.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import netCDF4
import numpy as np

from datasets.lake import Lake
from datasets.scene import Archive
from datasets.seasons import SEASONS, Season
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from ingest.variables import HH, HV
from sweeps.design.axes import Changes
from sweeps.design.experiment import SEEDS
from sweeps.design.scene_sets import SELECTION, SOURCE
from sweeps.launch.placement import Placement
from sweeps.launch.plan import plan
from sweeps.launch.strategy import Strategy
from sweeps.launch.study_run import Request, run_study
from sweeps.launch.trials import OnEvent
from sweeps.regular_season import EXPERIMENT
from sweeps.report.bin_scores import BinScores, bins_of_study
from sweeps.report.cells import CellComparison
from sweeps.report.differences import Difference
from sweeps.report.read import read_evidence
from sweeps.report.score_tables import reading
from sweeps.report.wording import metric_label
from tests.benchmarks.full_scene import Row
from tests.benchmarks.ray_environment import ray_environment

TRAINING, TEST, SIDE = 160, 128, 200
TURNED: Final[Season] = "summer"
SETS: Final[tuple[Season, ...]] = (TURNED,)
TRIAL: Final[Changes] = {
    "data.channels": (HH, HV, "sar_incidenceangle"),
    "model.params": {"filters": [16, 32]},
    "loop.batches_per_epoch": 48,
    "evaluation.tile": 128,
}
"""Of the trials, beside what `--smoke` makes of them."""


@dataclass(frozen=True, kw_only=True)
class _Told:
    """How many differences a study asks for, how many could be told apart, and those that are, in words.

    `closest` is the one of the smallest p-value, in words.
    """

    asked: int
    decidable: int
    apart: tuple[str, ...]
    closest: str


def measure() -> list[Row]:
    """Half an hour on two cores that have nothing else to do."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name, ray_environment(Path(name)):
        folder = Path(name)
        raw: dict[Archive, list[Path]] = {
            "train": write_samples(folder / "raw" / "train", scenes=TRAINING, lines=SIDE, samples=SIDE, seed=1),
            "test": write_samples(folder / "raw" / "test", scenes=TEST, lines=SIDE, samples=SIDE, seed=2),
        }
        dealt = {name: season for paths in raw.values() for name, season in deal([p.name for p in paths]).items()}
        without = _told_apart(_lake(folder / "lake", raw, dealt), folder / "without")
        for path in (path for paths in raw.values() for path in paths if dealt[path.name] == TURNED):
            turn(path)
        effect = _told_apart(_lake(folder / "turned", raw, dealt), folder / "with")
    return [
        _row(
            "the season has no effect",
            without,
            wanted="none",
            reached=not without.apart and 0 < without.decidable == without.asked,
        ),
        _row(f"SAR of {TURNED} is turned around", effect, wanted="some", reached=bool(effect.apart)),
    ]


def deal(names: list[str]) -> dict[str, Season]:
    """A season for each file, as many of each, in an order that says nothing about the scene."""
    order = np.random.default_rng(0).permutation(len(names))
    return {names[place]: SEASONS[turn % len(SEASONS)] for turn, place in enumerate(order)}


def turn(path: Path) -> None:
    """Turns both SAR channels of a raw file around their means."""
    with netCDF4.Dataset(path, "a") as data:
        for name in (HH, HV):
            values = np.ma.filled(data[name][:], np.nan)
            data[name][:] = 2 * np.nanmean(values) - values


def _lake(folder: Path, raw: Mapping[Archive, list[Path]], seasons: Mapping[str, Season]) -> Lake:
    recipe = Recipe(ratios=(2,))
    lake = Lake.create(str(folder), recipe.to_lake())
    records = [convert_scene(str(path), recipe, lake, archive) for archive, paths in raw.items() for path in paths]
    dealt = [record.model_copy(update={"season": seasons[record.source]}) for record in records]
    publish(lake, dealt, SplitOptions())
    return lake


def _told_apart(lake: Lake, folder: Path) -> _Told:
    """The differences of the study that its report tells apart."""
    request = Request(
        lake_urls=(lake.url,),
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
        placement=Placement(cpus=1, gpus=0, max_concurrent=2, storage=str(folder / "ray")),
        strategy=Strategy(),
    )

    @contextmanager
    def watching(watched: object) -> Iterator[OnEvent]:
        yield lambda event: None

    study = EXPERIMENT.smaller().of_task("pixel").with_seeds(SEEDS)
    arms = {task: replace(arm, base=arm.base.with_all(TRIAL)) for task, arm in study.arms.items()}
    study = replace(study, arms=arms).only([f"{SELECTION}={SOURCE}", f"train.season={','.join(SETS)}"])
    done = run_study(plan(study, [lake]), request, watching, print)
    if done.failed:
        raise RuntimeError(f"{len(done.failed)} trials failed: {done.failed}")
    bins = bins_of_study(CellComparison(read_evidence(done.study)))
    asked = [(each, difference) for each in bins for difference in each.asked]
    return _Told(
        asked=len(asked),
        decidable=sum(difference.decidable for _, difference in asked),
        apart=tuple(
            f"{each.name}: {' '.join(difference.key)} {word}"
            for each, difference in asked
            if (word := reading(each.comparison, difference)) in ("better", "worse")
        ),
        closest=_closest(asked),
    )


def _closest(asked: Sequence[tuple[BinScores, Difference]]) -> str:
    each, difference = min(asked, key=lambda pair: pair[1].p)
    where = f"{each.name}, {metric_label(difference.objective)}"
    return f"closest: {where} {100 * difference.value:+.1f}, p {difference.p:.4f}"


def _row(what: str, told: _Told, *, wanted: str, reached: bool) -> Row:
    return Row(
        what=what,
        measured=f"{len(told.apart)} told apart",
        floor=f"{told.decidable} of {told.asked} decidable",
        ratio=f"{len(told.apart) / max(told.asked, 1):.2f}",
        reach=wanted,
        reached=reached,
        note="; ".join((*told.apart, told.closest)),
    )
