"""The leaderboard for readers: one table, and one page around it. Pure."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from sweeps.leaderboard.published import PUBLISHED, SCORES
from sweeps.leaderboard.ranking import GRID, Ranked
from sweeps.report.page import Section, render, written
from sweeps.report.tables import ReportTable
from sweeps.report.wording import grid_label, percent

PROTOCOL: Final = "protocol"
"""Name of the column of it, which a terminal has no room for."""

NOTES: Final = (
    "A rank is by weighted F1 on the 80 m grid, averaged over seeds: every model is scored on the same pixels of the "
    "same test scenes.",
    "Published rows have no rank: their charts, resolutions and test pixels are others, as their protocol says. It is "
    "read from their code and pages. Their distance to ours is a hint and no result.",
    "Of every network and task the settings with the best mean are shown. They were chosen by these very scores, which "
    "flatters them a little, and those with one seed most.",
    "Weighted recall equals accuracy by definition; both are shown because the public leaderboard does.",
)


def board(ranked: Sequence[Ranked]) -> ReportTable:
    """Ours on the 80 m grid by rank, the published rows, then ours on their own grids and on pure patches."""
    rows, numbers = [], []

    def add(each: Ranked, grid: str) -> None:
        spreads = {name: each.score(name, grid) for name in SCORES}
        texts = [percent(spread.mean, spread.spread) for spread in spreads.values()]
        rows.append(
            (
                each.model,
                f"ours, {each.task}, {grid_label(grid)}",
                each.protocol,
                str(each.rank) if grid == GRID else "–",
                *texts,
                str(len(each.trials)),
            )
        )
        numbers.append(
            {
                "rank": each.rank if grid == GRID else None,
                "model": each.model,
                "task": each.task,
                "source": "ours",
                "grid": grid,
                **{name: 100 * spread.mean for name, spread in spreads.items()},
                **{f"{name}_spread": 100 * spread.spread for name, spread in spreads.items()},
                "seeds": len(each.trials),
                "protocol": each.protocol,
                "runs": " ".join(trial.run_id for trial in each.trials),
            }
        )

    for each in ranked:
        add(each, GRID)
    for row in PUBLISHED:
        texts = [f"{row.scores[name]:.2f}" if name in row.scores else "–" for name in SCORES]
        rows.append((row.model, f"published, {row.task}", row.protocol, "–", *texts, "–"))
        numbers.append(
            {
                "model": row.model,
                "task": row.task,
                "source": "published",
                "grid": row.grid,
                **row.scores,
                "protocol": row.protocol,
            }
        )
    for each in ranked:
        for grid in each.grids[1:]:
            add(each, grid)
    header = ("model", "source, task, grid", PROTOCOL, "rank", *(f"{label} [%]" for label in SCORES.values()), "seeds")
    return ReportTable(
        name="leaderboard",
        title="Stage of development (SOD) on the test scenes: mean ± spread over seeds",
        header=header,
        rows=tuple(rows),
        words=3,
        numbers=pd.DataFrame(numbers),
    )


def page(table: ReportTable, *, lake: str, uri: str) -> str:
    """The page around the table of `board`; `uri` is MLflow's, without user and password."""
    return render(
        title="Leaderboard",
        lead="Which network reads sea-ice types best, and where do published numbers stand?",
        facts=[("lake", lake), ("runs", uri), written()],
        sections=[
            Section(anchor="board", title="Scores", tables=(table,)),
            Section(anchor="reading", title="How to read this", points=NOTES),
        ],
        run_url=lambda run_id: "",
    )


def markdown(table: ReportTable, *, lake: str) -> str:
    """The same for a README."""
    notes = "".join(f"- {note}\n" for note in NOTES)
    return f"# Leaderboard\n\nLake {lake}.\n\n{table.to_markdown()}\n{notes}"
