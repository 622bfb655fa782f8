"""Does a report tell the truth about seasons: a lake in which the season has no effect, and one in which it has.

Both are of the same synthetic scenes, whose seasons are dealt out anew by chance, so that they say nothing about a
scene. In the second lake SAR of the summer scenes is turned around its mean: what is bright elsewhere is dark there.
The study of seasons runs on each as `--smoke`: the set of the turned season with its control, on test scenes of every
season (`--only selection=source --only train.season=summer`), with the five seeds of a real study. Its report is asked
how many of its differences it tells apart.

**Size.** One set, four seasons and all test scenes, two scores: 10 differences, so the first step of the correction
tests at 0.05 / 10 = 0.005.

* Passes: the smallest p-value of n orbit passes is 2^(1-n), so with fewer than 9 nothing can be told apart. Signs reach
  the level where the mean over passes is 2.8 standard errors from 0, in 90 % of cases where its expectation is 4.1: a
  mean of 4.1 / sqrt(n) deviations between passes, 1.0 for 16. 64 test scenes, dealt out evenly, give 14 to 16 passes to
  each season, since one scene in five is of the pass before it.
* Draws: a set counts as one draw against five. What a seed adds is widened by sqrt(6), so every seed has to show
  1 - 1 / sqrt(6) = 0.59 of the mean difference at least. The lowest of five lies 1.2 ± 0.5 deviations below their mean,
  so in 90 % of cases that holds where the mean is 1.8 / 0.41 = 4.4 deviations between seeds. Turned SAR is worth 0.4 of
  weighted F1 (without it in training a network has 0.6 elsewhere and 0.2 there), so seeds may differ by 0.09.
* Steps: after 96, seeds of one cell differ by 0.07 already in the lake without an effect; 384 train these networks,
  which are small, and see SAR alone: with AMSR2 they read ice without it.
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
    """Twenty minutes on two cores that have nothing else to do."""
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
