"""Scored trials of several models, named for readers and put into one comparison."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from datasets.errors import IceBenchError
from sweeps.record.design import StudyDesign
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.labels import NOT_SETTINGS, Key, first_target, seed_of
from sweeps.report.wording import task_label
from training.evaluation.bins import OWN_GRID, fixed_grid
from training.evaluation.metric_names import MetricName
from training.evaluation.result import TrialResult
from training.tracking.mlflow_tracker import git_commit

AXIS: Final = "model"
_NETWORK: Final = "model."
"""Start of the names of what makes the network, and not the protocol."""


class CompareError(IceBenchError, ValueError):
    """Something cannot be compared."""


@dataclass(frozen=True, kw_only=True)
class ScoredTrial:
    """A finished and scored trial: its row in MLflow, or as it would be there, and what it gave."""

    row: TrialRow
    result: TrialResult

    @property
    def task(self) -> str:
        """`pixel-based` or `patch-based`."""
        return task_label(self.row.params["data.task"])

    @property
    def settings(self) -> Mapping[str, str]:
        """Params that are not its seed or its lake: trials with the same settings are seeds of one model."""
        return {name: value for name, value in self.row.params.items() if name not in NOT_SETTINGS}


@dataclass(frozen=True, kw_only=True)
class OwnAndOthers:
    """A comparison of one's own model with others.

    Attributes:
        comparison: Of all.
        own: Cell of one's own model.
        others: Cells of the others, best first.
        protocol: Settings beside the network in which another differs from one's own: name, its value, one's own.
    """

    comparison: CellComparison
    own: Key
    others: tuple[Key, ...]
    protocol: Mapping[Key, tuple[tuple[str, str, str], ...]]


def compare_entries(
    own: Sequence[ScoredTrial], others: Sequence[ScoredTrial], *, lake: str, recipe: str, uri: str
) -> OwnAndOthers:
    """Puts trials into one comparison, each model a cell.

    Args:
        own: Seeds of one's own model, at least one.
        others: Trials of other models; those that are among `own` are left out.
        lake: Digest of the lake of all; `recipe` is its own.
        recipe: See `lake`.
        uri: Of MLflow, without user and password; may be empty.

    Raises:
        CompareError: See `common_objective`.
    """
    mine = {entry.row.trial_id for entry in own}
    groups = [list(own), *_models([entry for entry in others if entry.row.trial_id not in mine])]
    names = _names(groups)
    objective = common_objective(own[0].row.params, [entry for group in groups[1:] for entry in group])
    finished = tuple(
        FinishedTrial(key=(name,), task=entry.task, seed=seed_of(entry.row), row=entry.row, result=entry.result)
        for name, group in zip(names, groups, strict=True)
        for entry in group
    )
    question = f"Does {names[0]} read sea-ice types better than the baselines?"
    evidence = Evidence(
        study=StudyRow(
            study=f"comparison of {names[0]}",
            experiment_id="",
            run_id="",
            status="FINISHED",
            started=0,
            lake=lake,
            recipe=recipe,
            git_commit=git_commit(),
            question=question,
        ),
        tracking_uri=uri,
        design=StudyDesign(
            question=question, objective=objective, axes={AXIS: tuple(names)}, seeds=(), trials=len(finished)
        ),
        axes=(AXIS,),
        keys=tuple((name,) for name in names),
        finished=finished,
    )
    comparison = CellComparison(evidence)
    keys = sorted(evidence.keys[1:], key=lambda key: -comparison.spread(key, objective).mean)
    by_key = dict(zip(evidence.keys, groups, strict=True))
    return OwnAndOthers(
        comparison=comparison,
        own=evidence.keys[0],
        others=tuple(keys),
        protocol={key: _other_settings(own[0], by_key[key][0]) for key in keys},
    )


def _models(entries: Sequence[ScoredTrial]) -> list[list[ScoredTrial]]:
    """Trials by everything but their seed, in the order of their first; of a seed that was run twice the newest."""
    found: dict[str, dict[int, ScoredTrial]] = {}
    for entry in sorted(entries, key=lambda each: each.row.started):
        settings = json.dumps(entry.settings, sort_keys=True)
        found.setdefault(settings, {})[seed_of(entry.row)] = entry
    return [list(group.values()) for group in found.values()]


def _names(groups: Sequence[Sequence[ScoredTrial]]) -> list[str]:
    """A name for each model: that of its network, with what tells it apart from others of this name."""
    firsts = [group[0] for group in groups]
    several = len({entry.task for entry in firsts}) > 1
    plain = [f"{entry.row.params['model.name']}{f' ({entry.task})' if several else ''}" for entry in firsts]
    names = []
    for place, (name, entry) in enumerate(zip(plain, firsts, strict=True)):
        twins = [other for other, other_name in zip(firsts, plain, strict=True) if other_name == name]
        apart = [
            f"{setting.removeprefix(_NETWORK)} {value}"
            for setting, value in entry.settings.items()
            if any(other.settings.get(setting) != value for other in twins)
        ]
        text = f"{name}, {', '.join(apart)}" if apart else name
        names.append(text if text not in names else f"{text} (no. {place})")
    return names


def common_objective(own: Mapping[str, str], others: Sequence[ScoredTrial]) -> str:
    """The metric that a model and others are compared by: weighted F1 of one chart on one grid.

    Args:
        own: Params of a trial of one's own, which may be still to be trained.
        others: Finished trials.

    Raises:
        CompareError: Another trial predicts another chart first, or there is no grid on which all are scored.
    """
    for entry in others:
        theirs, ours = first_target(entry.row.params), first_target(own)
        if theirs != ours:
            raise CompareError(
                f"run {entry.row.run_id} predicts {theirs} first and this model {ours}: compare models of one chart"
            )
    every = [own, *(entry.row.params for entry in others)]
    fixed = {params.get("evaluation.fixed_ratio", "") for params in every}
    if len(fixed) == 1 and fixed != {""}:
        return str(MetricName(grid=fixed_grid(int(fixed.pop())), score="f1"))
    ratios = {params["data.ratio"] for params in every}
    if len(ratios) == 1:
        return str(MetricName(grid=OWN_GRID, score="f1"))
    raise CompareError(
        f"the models have the ratios {', '.join(sorted(ratios, key=int))} and no grid on which all are scored: give "
        "this one the evaluation.fixed_ratio of the others"
    )


def _other_settings(own: ScoredTrial, other: ScoredTrial) -> tuple[tuple[str, str, str], ...]:
    names = dict.fromkeys([*own.settings, *other.settings])
    return tuple(
        (name, other.settings.get(name, ""), own.settings.get(name, ""))
        for name in names
        if not name.startswith(_NETWORK) and other.settings.get(name) != own.settings.get(name)
    )
