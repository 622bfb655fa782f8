"""Which test scenes a report draws, by a rule and never by eye, and from which trials. Pure: no MLflow, no disk.

Drawn are the scenes with the median, the lowest and the highest weighted F1, where each is scored by itself, averaged
over both cells and over all seeds of each: by one cell alone its lucky scenes would be shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from sweeps.report.cells import CellComparison
from sweeps.report.evidence import FinishedTrial
from sweeps.report.intervals import charts_of
from sweeps.report.labels import Key
from training.artifacts.small_maps import ENDING, SmallMap


@dataclass(frozen=True, kw_only=True)
class DrawnScene:
    """A test scene that is drawn: what it is by the rule, and its weighted F1 in the two drawn trials."""

    role: str
    scene_id: str
    scores: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class MapChoice:
    """Which maps show a task of a study.

    Attributes:
        task: Of the cells.
        chart: Whose classes are drawn.
        cells: The reference and the best one; one of them where these are the same.
        roles: What each cell is, in a word or two.
        trials: Of each cell the one that is drawn: of the lowest seed that both have.
        scenes: Median, worst, best; fewer of few scenes.
    """

    task: str
    chart: str
    cells: tuple[Key, ...]
    roles: tuple[str, ...]
    trials: tuple[FinishedTrial, ...]
    scenes: tuple[DrawnScene, ...]

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Run and artifact of every map."""
        names = [f"maps/{scene.scene_id}{ENDING}" for scene in self.scenes]
        return tuple((trial.row.run_id, name) for name in names for trial in self.trials)

    def maps_of(self, scene: DrawnScene, maps: Mapping[tuple[str, str], SmallMap]) -> list[SmallMap]:
        """Those of a scene, of each trial; empty where one is not there, or where they are of different grids."""
        found = [maps.get((trial.row.run_id, f"maps/{scene.scene_id}{ENDING}")) for trial in self.trials]
        whole = [
            each for each in found if each is not None and self.chart in each.predicted and self.chart in each.charts
        ]
        same = len({each.sar.shape for each in whole}) == 1
        return whole if same and len(whole) == len(self.trials) else []


def map_choices(comparison: CellComparison) -> list[MapChoice]:
    """Of every task: its reference and its best cell by the objective, on the same scenes."""
    found = []
    for task in comparison.evidence.tasks:
        reference, best = comparison.reference(task), comparison.best(task)
        if reference is not None and best is not None:
            cells = {reference: "reference", best: "best"} if reference != best else {best: "reference and best"}
            found.append(choose(comparison, task, cells))
    return [each for each in found if each is not None]


def choose(comparison: CellComparison, task: str, cells: Mapping[Key, str]) -> MapChoice | None:
    """Scenes and trials of one or two cells, given with their roles; None where no scene is scored in all trials."""
    by_cell = [[trial for trial in comparison.evidence.trials_of(key) if trial.result is not None] for key in cells]
    if comparison.metric is None or not all(by_cell):
        return None
    charts = charts_of(by_cell[0][0], comparison.metric)
    chart, grid = charts[0] if charts else "", comparison.metric.grid
    scores = [[_scene_scores(trial, grid, chart) for trial in trials] for trials in by_cell]
    common = sorted(set.intersection(*(set(of_trial) for of_cell in scores for of_trial in of_cell)))
    if not common:
        return None
    # Cells weigh alike, however many seeds each has.
    mean = {scene: fmean(fmean(trial[scene] for trial in of_cell) for of_cell in scores) for scene in common}
    ranked = sorted(common, key=lambda scene: (mean[scene], scene))
    roles = {"median": ranked[(len(ranked) - 1) // 2], "worst": ranked[0], "best": ranked[-1]}
    seeds = set.intersection(*({trial.seed for trial in trials} for trials in by_cell))
    drawn = [next(trial for trial in trials if not seeds or trial.seed == min(seeds)) for trials in by_cell]
    places = [trials.index(trial) for trials, trial in zip(by_cell, drawn, strict=True)]
    return MapChoice(
        task=task,
        chart=chart,
        cells=tuple(cells),
        roles=tuple(cells.values()),
        trials=tuple(drawn),
        scenes=tuple(
            DrawnScene(
                role=role,
                scene_id=scene,
                scores=tuple(of_cell[place][scene] for of_cell, place in zip(scores, places, strict=True)),
            )
            for place_of, (role, scene) in enumerate(roles.items())
            if scene not in list(roles.values())[:place_of]
        ),
    )


def _scene_scores(trial: FinishedTrial, grid: str, chart: str) -> dict[str, float]:
    """Weighted F1 of every test scene with labels, by scene_id."""
    assert trial.result is not None
    return {
        row.scene_id: row.f1
        for row in trial.result.scenes
        if row.grid == grid and row.chart == chart and row.n and row.f1 is not None
    }
