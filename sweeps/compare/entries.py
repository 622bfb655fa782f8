"""Scored trials of several models, named for readers and put into one comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from datasets.errors import IceBenchError
from datasets.process.checkout import git_commit
from sweeps.record.design import StudyDesign
from sweeps.record.lake_note import LakeNote
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.labels import Key, by_settings, first_target, settings_of
from training.evaluation.bins import OWN_GRID, fixed_grid
from training.evaluation.metric_names import MetricName

AXIS: Final = "model"
_NETWORK: Final = "model."
"""Start of the names of what makes the network, and not the protocol."""


class CompareError(IceBenchError, ValueError):
    """Something cannot be compared."""


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
    own: Sequence[FinishedTrial],
    others: Sequence[FinishedTrial],
    *,
    lake: str,
    recipe: str,
    uri: str,
    experiment_id: str = "",
    lake_note: LakeNote | None = None,
) -> OwnAndOthers:
    """Puts trials, which have no cell yet, into one comparison, each model a cell.

    `own` are seeds of one's own model, at least one; `others` that are among them are left out. `lake` and `recipe` are
    digests of the lake of all; the URI of MLflow is without user and password, or empty; `experiment_id` is the
    experiment of one's own runs there; `lake_note` what the scenes of the lake are.

    Raises:
        CompareError: See `common_objective`.
    """
    mine = {entry.row.trial_id for entry in own}
    by_run = {entry.row.run_id: entry for entry in others if entry.row.trial_id not in mine}
    rows = sorted((entry.row for entry in by_run.values()), key=lambda row: row.started)
    groups = [list(own), *([by_run[row.run_id] for row in group] for group in by_settings(rows))]
    names = _names(groups)
    objective = common_objective(own[0].row.params, [entry for group in groups[1:] for entry in group])
    finished = tuple(replace(entry, key=(name,)) for name, group in zip(names, groups, strict=True) for entry in group)
    question = f"Does {names[0]} read sea-ice types better than the baselines?"
    evidence = Evidence(
        study=StudyRow(
            study=f"comparison of {names[0]}",
            experiment_id=experiment_id,
            run_id="",
            status="FINISHED",
            started=0,
            lake=lake,
            recipe=recipe,
            git_commit=git_commit(),
            question=question,
            lake_note=lake_note,
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
        protocol={key: _other_settings(own[0].row, by_key[key][0].row) for key in keys},
    )


def _names(groups: Sequence[Sequence[FinishedTrial]]) -> list[str]:
    """A name for each model: that of its network, with what tells it apart from others of this name."""
    firsts = [group[0] for group in groups]
    several = len({entry.task for entry in firsts}) > 1
    plain = [f"{entry.row.params['model.name']}{f' ({entry.task})' if several else ''}" for entry in firsts]
    names = []
    for place, (name, entry) in enumerate(zip(plain, firsts, strict=True)):
        twins = [settings_of(other.row) for other, its in zip(firsts, plain, strict=True) if its == name]
        apart = [
            f"{setting.removeprefix(_NETWORK)} {value}"
            for setting, value in settings_of(entry.row).items()
            if any(other.get(setting) != value for other in twins)
        ]
        text = f"{name}, {', '.join(apart)}" if apart else name
        names.append(text if text not in names else f"{text} (no. {place})")
    return names


def common_objective(own: Mapping[str, str], others: Sequence[FinishedTrial]) -> str:
    """The metric that a model and others are compared by: weighted F1 of one chart on one grid.

    `own` are params of a trial of one's own, which may be still to be trained.

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


def _other_settings(own: TrialRow, other: TrialRow) -> tuple[tuple[str, str, str], ...]:
    ours, theirs = settings_of(own), settings_of(other)
    return tuple(
        (name, theirs.get(name, ""), ours.get(name, ""))
        for name in ours | theirs
        if not name.startswith(_NETWORK) and theirs.get(name) != ours.get(name)
    )
