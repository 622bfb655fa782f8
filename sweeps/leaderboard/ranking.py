"""Finished trials of one lake -> the settings of every network and task, chosen by val F1, ranked by test F1. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from datasets.grids import pixel_spacing
from datasets.labels import SOD
from sweeps.record.run_tags import seed_of
from sweeps.record.study import TrialRow
from sweeps.report.differences import Spread, spread_of
from sweeps.report.labels import ENOUGH_TO_RANK, VAL_SCORE, best_by_val, by_settings, first_target, task_of_row
from sweeps.report.wording import task_label
from training.evaluation.bins import OWN_GRID, PATCHES, fixed_grid
from training.evaluation.metric_names import MetricName
from training.tracking.tracker import SYNTHETIC

GRID: Final = fixed_grid(2)
"""Where all are ranked: the same pixels for every ratio and both tasks."""
_OTHER_GRIDS: Final = (OWN_GRID, PATCHES)
"""Grids that published scores are nearer to, shown without a rank."""
SMOKE: Final = "-smoke"
"""End of the names of studies whose trials took a minute."""
_TEST_CELL: Final = ("data.test.season", "data.test.location", "data.test.cryoseason")


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """The settings of a network for a task with the best val F1, with a trial for each seed.

    Attributes:
        rank: From 1, by weighted F1 on the 80 m grid; equal scores share a rank. None with fewer than three seeds.
        tried: Settings that they were chosen from.
        task: `pixel-based` or `patch-based`.
        protocol: How it was trained, for readers.
    """

    rank: int | None
    tried: int
    model: str
    task: str
    trials: tuple[TrialRow, ...]
    protocol: str

    def score(self, name: str, grid: str = GRID) -> Spread:
        """A score over seeds, as a share."""
        return spread_of([value_of(trial, name, grid) for trial in self.trials])

    @property
    def grids(self) -> tuple[str, ...]:
        """The 80 m grid, and those others that it has and that differ from it."""
        others = [grid for grid in _OTHER_GRIDS if self.score("f1", grid).n]
        same = fixed_grid(int(self.trials[0].params["data.ratio"])) == GRID
        return (GRID, *(grid for grid in others if not (same and grid == OWN_GRID)))

    @property
    def submitted(self) -> TrialRow:
        """The one network to submit: of the seed with the best val F1, so that test scenes have no part in it."""
        return max(self.trials, key=lambda trial: (trial.metrics.get(VAL_SCORE, -1.0), -seed_of(trial)))


def rank(rows: Iterable[TrialRow]) -> tuple[Ranked, ...]:
    """Chooses settings of every network and task by val F1, and ranks them, from the attempts at trials of one lake.

    Left out are attempts that did not finish, trials without SOD or without the 80 m grid, those that were tested on a
    part of the test scenes, and smoke runs, but for those on synthetic scenes: there nothing is a result. Networks
    with fewer than `ENOUGH_TO_RANK` seeds have no rank and stand after the others.
    """
    tried: dict[tuple[str, str], list[list[TrialRow]]] = {}
    # Of a seed that was run under several ids the newest counts.
    for trials in by_settings(sorted(_counting(rows), key=_weight)):
        tried.setdefault((trials[0].params["model.name"], task_of(trials[0])), []).append(trials)
    chosen = {place: best_by_val(groups) for place, groups in tried.items()}
    order = sorted(chosen.items(), key=lambda item: (len(item[1]) < ENOUGH_TO_RANK, -_mean(item[1])))
    means = [_mean(trials) for _, trials in order]
    enough = [len(trials) >= ENOUGH_TO_RANK for _, trials in order]
    return tuple(
        Ranked(
            rank=1 + sum(mean > means[place] for mean, one in zip(means, enough, strict=True) if one)
            if enough[place]
            else None,
            tried=len(tried[model, task]),
            model=model,
            task=task,
            trials=tuple(trials),
            protocol=_protocol(trials[0].params),
        )
        for place, ((model, task), trials) in enumerate(order)
    )


def is_synthetic(row: TrialRow) -> bool:
    """Whether a trial ran on scenes that no satellite saw."""
    return SYNTHETIC in row.tags


def value_of(row: TrialRow, score: str, grid: str = GRID) -> float:
    """A score of SOD of a trial, as a share; NaN where it has none."""
    chart = None if first_target(row.params) == SOD.name else SOD.name
    return row.metrics.get(str(MetricName(grid=grid, chart=chart, score=score)), float("nan"))


def task_of(row: TrialRow) -> str:
    """`pixel-based` or `patch-based`."""
    return task_label(row.params.get("data.task", task_of_row(row)))


def _counting(rows: Iterable[TrialRow]) -> Sequence[TrialRow]:
    """Finished trials that count, each once: its newest training, else its newest evaluation."""
    found: dict[str, TrialRow] = {}
    for row in rows:
        if row.status != "FINISHED" or "model.name" not in row.params or value_of(row, "f1") != value_of(row, "f1"):
            continue
        if any(row.params.get(name, "") not in ("", "None") for name in _TEST_CELL):
            continue
        if row.tags.get("study", "").endswith(SMOKE) and not is_synthetic(row):
            continue
        other = found.get(row.trial_id)
        if other is None or _weight(row) > _weight(other):
            found[row.trial_id] = row
    return list(found.values())


def _weight(row: TrialRow) -> tuple[bool, int]:
    return row.tags.get("kind", "trial") == "trial", row.started


def _mean(trials: Sequence[TrialRow]) -> float:
    return spread_of([value_of(trial, "f1") for trial in trials]).mean


def _protocol(params: Mapping[str, str]) -> str:
    patches = f"patches of {params.get('data.patch_size', '?')}"
    weights = f"weights of {params['model.pretrained']}" if params.get("model.pretrained") else "random start"
    cells = [
        f"trained on {name.rpartition('.')[2]} {params[name]}"
        for name in ("data.train.season", "data.train.location", "data.train.cryoseason")
        if params.get(name)
    ]
    inputs = f"inputs of {pixel_spacing(int(params['data.ratio']))} m"
    return ", ".join([inputs, patches, weights, *cells])
