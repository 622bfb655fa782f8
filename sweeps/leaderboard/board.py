"""The leaderboard for readers: one table, and one page around it. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from sweeps.leaderboard.published import PUBLISHED, SCORES, Published
from sweeps.leaderboard.ranking import GRID, Ranked, is_synthetic
from sweeps.report.differences import spread_of
from sweeps.report.labels import ENOUGH_TO_RANK, VAL_SCORE
from sweeps.report.page import Section, render, written
from sweeps.report.tables import ReportTable
from sweeps.report.wording import percent
from training.evaluation.metric_names import grid_label

PROTOCOL: Final = "protocol"
"""Name of the column of it, which a terminal has no room for."""

NOTES: Final = (
    "A rank is by weighted F1 on the 80 m grid, averaged over seeds: every model is scored on the same pixels of the "
    f"same test scenes. Models with fewer than {ENOUGH_TO_RANK} seeds have no rank: one lucky seed is no result.",
    "Published rows have no rank: their charts, resolutions and test pixels are others, as their protocol says. It is "
    "read from their code and pages. Their distance to ours is a hint and no result.",
    "Of every network and task the settings with the best mean val F1 are shown, among those that the column of "
    "settings tried counts. Test scenes had no part in the choice, so their scores are not flattered by it.",
    "Weighted recall equals accuracy by definition; both are shown because the public leaderboard does.",
)


def board(ranked: Sequence[Ranked]) -> ReportTable:
    """Ours on the 80 m grid by rank, the published rows, then ours on their own grids and on pure patches."""
    made = [
        *(_ours(each, GRID) for each in ranked),
        *map(_published, () if synthetic(ranked) else PUBLISHED),
        *(_ours(each, grid) for each in ranked for grid in each.grids[1:]),
    ]
    header = ("model", "source, task, grid", PROTOCOL, "rank", *(f"{label} [%]" for label in SCORES.values()))
    header = (*header, "seeds", "settings tried")
    return ReportTable(
        name="leaderboard",
        title="Stage of development (SOD) on the test scenes: mean ± spread over seeds",
        header=header,
        rows=tuple(texts for texts, _ in made),
        words=3,
        numbers=pd.DataFrame([numbers for _, numbers in made]),
    )


def _ours(each: Ranked, grid: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Texts and numbers of a row."""
    spreads = {name: each.score(name, grid) for name in SCORES}
    rank, source = each.rank if grid == GRID else None, f"ours, {each.task}, {grid_label(grid)}"
    scores = (percent(spread.mean, spread.spread) for spread in spreads.values())
    numbers = {
        "rank": rank,
        "model": each.model,
        "task": each.task,
        "source": "ours",
        "grid": grid,
        **{name: 100 * spread.mean for name, spread in spreads.items()},
        **{f"{name}_spread": 100 * spread.spread for name, spread in spreads.items()},
        "seeds": len(each.trials),
        "settings_tried": each.tried,
        "val_f1": 100 * spread_of([trial.metrics.get(VAL_SCORE, float("nan")) for trial in each.trials]).mean,
        "protocol": each.protocol,
        "runs": " ".join(trial.run_id for trial in each.trials),
    }
    seeds = str(len(each.trials))
    return (each.model, source, each.protocol, str(rank or "–"), *scores, seeds, str(each.tried)), numbers


def _published(row: Published) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Likewise."""
    scores = (f"{row.scores[name]:.2f}" if name in row.scores else "–" for name in SCORES)
    own = {"model": row.model, "task": row.task, "source": "published", "grid": "as published"}
    numbers = {**own, **row.scores, "protocol": row.protocol}
    return (row.model, f"published, {row.task}", row.protocol, "–", *scores, "–", "–"), numbers


def synthetic(ranked: Sequence[Ranked]) -> bool:
    """Whether the scores are of scenes that no satellite saw, which never stand beside published ones."""
    return any(is_synthetic(trial) for each in ranked for trial in each.trials)


def page(table: ReportTable, *, lake: str, uri: str) -> str:
    """The page around the table of `board`; `lake` is a sentence on it, `uri` MLflow's without user and password."""
    return render(
        title="Leaderboard",
        lead="Which network reads sea-ice types best, and where do published numbers stand?",
        facts=[("lake", lake.removeprefix("Lake ")), ("runs", uri), written()],
        sections=[
            Section(anchor="board", title="Scores", tables=(table,), lake=lake),
            Section(anchor="reading", title="How to read this", points=NOTES),
        ],
    )


def markdown(table: ReportTable, *, lake: str) -> str:
    """The same for a README."""
    notes = "".join(f"- {note}\n" for note in NOTES)
    return f"# Leaderboard\n\n{lake}\n\n{table.to_markdown()}\n{notes}"
