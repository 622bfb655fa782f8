"""`python -m sweeps status`: how far studies are, from their rows in MLflow."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

from rich.box import SIMPLE
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from datasets.process.terminal import out, tell
from sweeps.record.forecast import clock, duration
from sweeps.record.state import STATES, states_of
from sweeps.record.studies import StudyRow, study_row
from sweeps.record.trial_lines import TrialLine, counts_of, trial_lines
from training.tracking.server import TrackingError

_TERMINAL_S: Final = 5.0
"""Seconds between two looks for a terminal, which shows the newest only."""
_LOG_S: Final = 60.0
"""Likewise for a log, which keeps them all."""
_LOG_WIDTH: Final = 160


def show_studies(studies: Sequence[StudyRow], tracking_uri: str) -> None:
    """One line per study and lake: trials by state."""
    several = len({study.lake for study in studies}) > 1
    table = Table(title="studies" if several or not studies else f"studies on lake {studies[0].lake}")
    table.add_column("study", no_wrap=True)
    if several:
        table.add_column("lake", no_wrap=True)
    table.add_column("trials", justify="right")
    table.add_column("of them")
    for study in studies:
        states = states_of(study.tracker(tracking_uri).children_rows())
        counts = Counter(state.state for state in states.values())
        trials = study.design.trials if study.design is not None else len(states)
        counts["missing"] = max(trials - len(states), 0)
        summary = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        table.add_row(study.study, *([study.lake] if several else []), str(trials), summary)
    out.print(table)


def show_trials(study: StudyRow, tracking_uri: str) -> None:
    """One line per trial; test F1 is that on the 80 m grid where there is one."""
    _console().print(_trials_table(study, tracking_uri))


def watch_trials(
    studies: Sequence[StudyRow], tracking_uri: str, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """`show_trials` again and again until none of the studies runs any more.

    The studies are one study on its lakes. In a terminal the tables are renewed at their place, on a log they are
    printed anew. A server that is away for a while is waited for.
    """
    console, live = _console(), out.is_terminal
    with Live(console=console, auto_refresh=False) if live else nullcontext() as screen:
        while True:
            trouble = ""
            try:
                tables = [_trials_table(study, tracking_uri) for study in studies]
                studies = [study_row(study.tracker(tracking_uri)) for study in studies]
            except TrackingError as away:
                trouble = str(away)
            if screen is not None and not trouble:
                screen.update(Group(*tables), refresh=True)
            elif trouble:
                tell(trouble)
            else:
                console.print(*tables)
            if not trouble and all(study.status != "RUNNING" for study in studies):
                break
            sleep(_TERMINAL_S if live else _LOG_S)
    for study in studies:
        tell(f"study {study.study} on lake {study.lake} does not run: {study.status}")


def _console() -> Console:
    """The terminal; a file or a log, which has no width, takes a trial in one line."""
    return out if out.is_terminal else Console(width=max(out.width, _LOG_WIDTH))


def _trials_table(study: StudyRow, tracking_uri: str) -> Table:
    rows, now, runs = study.tracker(tracking_uri).children_rows(), time.time(), study.status == "RUNNING"
    lines = trial_lines(study.design, study.ordered, rows, now, runs=runs)
    ends = [line.end for line in lines if line.end is not None]
    end = f"; end about {clock(max(ends), now)}" if ends else ""
    table = Table(
        title=f"{study.study} on lake {study.lake}: {counts_of(lines)}{end}",
        caption=f"as of {clock(now, now)}",
        box=SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("trial", overflow="fold", min_width=12)
    for column in ("state", "epoch", "val F1", "test F1", "node", "heard", "ends"):
        table.add_column(column, no_wrap=column != "node", overflow="fold")
    for line in lines:
        table.add_row(line.name, *_cells(line, now))
    return table


def _cells(line: TrialLine, now: float) -> tuple[str, ...]:
    epoch = ""
    if line.epochs is not None or (line.state == "running" and line.most_epochs):
        epoch = f"{line.epochs or 0}/{line.most_epochs or '?'}"
    return (
        f"{line.state} ({line.tries})" if line.tries > 1 else line.state,
        epoch,
        _score(line.val_f1),
        _score(line.test_f1),
        line.node,
        "" if line.alive is None else duration(max(now - line.alive, 0)),
        "" if line.end is None else clock(line.end, now).rpartition(" ")[0],  # the zone is below the table
    )


def _score(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
