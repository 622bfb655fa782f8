"""Trials -> the study's table and figure. Pure: rows in, table and picture out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from datasets.grids import pixel_spacing
from sweeps.experiment import SEED, Experiment, Trial

RATIO: Final = "data.ratio"
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73")
"""Okabe and Ito: told apart with any colour vision."""

METRIC_NAMES: Final[Mapping[str, str]] = {"f1": "weighted F1", "f1_macro": "macro F1"}
GRID_NAMES: Final[Mapping[str, str]] = {"test": "own grid", "test_80m": "80 m grid"}
MAJORITY: Final = "majority_f1"


@dataclass(frozen=True, kw_only=True)
class StudyTable:
    """Scores of one study.

    Attributes:
        trials: One row a finished trial: axes, seed, metrics.
        summary: One row a combination of axis values: mean and spread (sample standard deviation over seeds) of each
            metric, number of seeds `n`.
        metrics: Names of the metrics in `summary`: those that every table shows; all others are in MLflow.
    """

    trials: pd.DataFrame
    summary: pd.DataFrame
    metrics: tuple[str, ...]

    def to_csv(self) -> str:
        """The summary with full precision."""
        return self.summary.to_csv(index=False)

    def to_markdown(self) -> str:
        """The summary for people: percent, mean ± spread."""
        rows = self.cells()
        lines = [" | ".join(row) for row in (rows[0], ["---"] * len(rows[0]), *rows[1:])]
        return "\n".join(f"| {line} |" for line in lines) + "\n"

    def cells(self) -> list[list[str]]:
        """Header and rows as text."""
        axes = [name for name in self.summary.columns if not name.endswith(("/mean", "/spread")) and name != "n"]
        header = [
            *(axis_label(axis) for axis in axes),
            *(f"{metric_label(name)}, %" for name in self.metrics),
            "seeds",
        ]
        rows = [header]
        for row in self.summary.to_dict("records"):
            scores = [_percent(row[f"{name}/mean"], row[f"{name}/spread"]) for name in self.metrics]
            rows.append([*(axis_value(axis, row[axis]) for axis in axes), *scores, str(int(row["n"]))])
        return rows


def study_table(
    experiment: Experiment, trials: Sequence[Trial], metrics_of: Mapping[str, Mapping[str, float]]
) -> StudyTable:
    """Collects the finished trials of a study.

    Args:
        experiment: The study.
        trials: Its trials, bound to the lake.
        metrics_of: Metrics of finished trials by trial_id; missing ones are not in the table, `n` says so.
    """
    rows = [
        {**trial.labels, **metrics_of[trial.spec.trial_id]} for trial in trials if trial.spec.trial_id in metrics_of
    ]
    frame = pd.DataFrame(rows)
    wanted = [f"{grid}/{metric}" for grid in GRID_NAMES for metric in METRIC_NAMES] + [f"test_80m/{MAJORITY}"]
    metrics = tuple(name for name in wanted if name in frame.columns)
    axes = list(experiment.axes)
    if frame.empty:
        return StudyTable(trials=frame, summary=pd.DataFrame(columns=[*axes, "n"]), metrics=())
    groups = frame.groupby(axes, sort=True, dropna=False)[list(metrics)]
    mean, spread = groups.mean().add_suffix("/mean"), groups.std(ddof=1).add_suffix("/spread")
    columns = [f"{name}/{kind}" for name in metrics for kind in ("mean", "spread")]
    summary = pd.concat([mean, spread], axis=1)[columns]
    summary.insert(0, "n", groups.size())
    return StudyTable(trials=frame, summary=summary.reset_index(), metrics=metrics)


def study_figure(experiment: Experiment, table: StudyTable) -> Figure:
    """Score against the study's first axis: mean as a line, spread over seeds as a bar, every trial as a dot."""
    axis = next(iter(experiment.axes))
    places = {value: place for place, value in enumerate(sorted(table.trials[axis].unique()))}
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, 2)  # own score axes: spread must stay visible
    for panel, metric in zip(panels, ("f1", "f1_macro"), strict=True):
        for grid, colour in zip(GRID_NAMES, _COLOURS, strict=False):
            name = f"{grid}/{metric}"
            if name not in table.metrics:
                continue
            shift = 0.05 if grid == "test" else -0.05
            dots = table.trials[axis].map(places) + shift
            panel.plot(dots, 100 * table.trials[name], "o", color=colour, alpha=0.4, markersize=4)
            panel.errorbar(
                table.summary[axis].map(places) + shift,
                100 * table.summary[f"{name}/mean"],
                yerr=100 * table.summary[f"{name}/spread"].fillna(0.0),
                color=colour,
                marker="D" if grid == "test" else "o",
                markersize=5,
                linewidth=1.2,
                capsize=3,
                label=GRID_NAMES[grid],
            )
        if metric == "f1" and f"test_80m/{MAJORITY}" in table.metrics:
            level = 100 * float(table.summary[f"test_80m/{MAJORITY}/mean"].mean())
            panel.axhline(level, color="0.4", linestyle=":", label="majority class, 80 m grid")
        panel.set_ylabel(f"test {METRIC_NAMES[metric]} [%]")
        panel.set_xticks(list(places.values()), [axis_value(axis, value) for value in places])
        panel.set_xlabel(axis_label(axis))
        panel.grid(axis="y", alpha=0.3)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    seeds = f"mean, spread (bars) and trials (dots) over {len(experiment.seeds)} {SEED}s"
    figure.suptitle(f"{experiment.question}\n{seeds}", fontsize="medium", wrap=True)
    return figure


def axis_label(axis: str) -> str:
    """Axis name for readers."""
    return "ratio (spacing)" if axis == RATIO else axis


def axis_value(axis: str, value: object) -> str:
    """Axis value for readers; a ratio always with its metres, since ratios of other papers start from 80 m."""
    return f"{int(str(value))} ({pixel_spacing(int(str(value)))} m)" if axis == RATIO else str(value)


def metric_label(name: str) -> str:
    """`test_80m/f1` -> `weighted F1, 80 m grid`."""
    grid, _, metric = name.partition("/")
    return f"{'majority class' if metric == MAJORITY else METRIC_NAMES[metric]}, {GRID_NAMES[grid]}"


def _percent(mean: float, spread: float) -> str:
    return f"{100 * mean:.1f}" if pd.isna(spread) else f"{100 * mean:.1f} ± {100 * spread:.1f}"
