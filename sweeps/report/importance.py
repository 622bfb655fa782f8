"""Attributions of many trained networks as one table: shares of importance, their mean and spread over seeds. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pandas as pd

from datasets.channels import GROUPS
from datasets.seasons import SEASONS
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.wording import TASK_AXES, cell_label
from training.attribution.result import AttributionResult
from training.evaluation.bins import ALL, Bin

METHOD: Final = "method"
"""Axis of a study of attributions; the others say which network is explained."""

MEAN: Final = "mean over classes"
"""In place of a class: every class counts alike, however common it is and however large its logits are."""

_PLACE: Final = ["task", "network", "method", "bin", "class"]
_FEATURE: Final = ["feature", "group", "is_group"]
_VALUES: Final = ["signed", "absolute", "share", "signed_share"]


@dataclass(frozen=True, kw_only=True)
class Importance:
    """What is known of a study of attributions.

    Attributes:
        evidence: Its trials.
        results: By run_id; a finished trial without one could not be read.
        problems: Why not, by run_id.
    """

    evidence: Evidence
    results: Mapping[str, AttributionResult]
    problems: Mapping[str, str]

    @cached_property
    def shares(self) -> pd.DataFrame:
        """A row for each trial, bin, class and feature; scenes by themselves are left to the trials' own tables.

        `share` is the absolute attribution over that of all channels (of a group: of all groups), `signed_share` the
        signed one over the same. `MEAN` is a class too; it has no `signed` and `absolute`, since logits of classes
        differ in size.
        """
        found = [
            self._frame(trial, self.results[trial.row.run_id])
            for key in self.evidence.keys
            for trial in self.evidence.trials_of(key)
            if trial.row.run_id in self.results
        ]
        if not found:
            return pd.DataFrame(columns=[*_PLACE, "seed", "n", *_FEATURE, *_VALUES])
        frame = pd.concat(found, ignore_index=True)
        where = [*(name for name in _PLACE if name != "class"), "seed", *_FEATURE]
        over_classes = frame.groupby(where, sort=False, as_index=False)[["share", "signed_share"]].mean()
        n = frame.groupby(where, sort=False, as_index=False)["n"].sum()["n"]
        return pd.concat([over_classes.assign(**{"class": MEAN, "n": n}), frame], ignore_index=True)

    def _frame(self, trial: FinishedTrial, result: AttributionResult) -> pd.DataFrame:
        rows = pd.DataFrame([row.model_dump() for row in result.rows if Bin.parse(row.bin).kind != "scene"])
        rows = rows.rename(columns={"class_name": "class"})
        total = rows.groupby(["bin", "class", "is_group"], sort=False)["absolute"].transform("sum")
        total = total.where(total > 0)
        skip = [*TASK_AXES, METHOD]
        return rows.assign(
            task=trial.task,
            network=cell_label(self.evidence.axes, trial.key, skip),
            method=result.method,
            seed=trial.seed,
            share=(rows["absolute"] / total).fillna(0.0),
            signed_share=(rows["signed"] / total).fillna(0.0),
        )

    @cached_property
    def spreads(self) -> pd.DataFrame:
        """Mean and sample standard deviation over seeds (NaN of one seed) of the columns of `shares`.

        Cells are in the order of the study, bins by kind and through the year. `n` is the mean number of pixels
        (patches) that the networks assigned to the class, `seeds` how many had any.
        """
        where = [*_PLACE, *_FEATURE]
        groups = self.shares.groupby(where, sort=False)
        means = groups[_VALUES].mean()
        stds = groups[_VALUES].std(ddof=1).add_suffix("_spread")
        columns = [name for value in _VALUES for name in (value, f"{value}_spread")]
        counts = pd.DataFrame({"n": groups["n"].mean(), "seeds": groups["seed"].nunique()})
        frame = means.join(stds)[columns].join(counts).reset_index()
        cells = list(zip(frame["task"], frame["network"], frame["method"], strict=True))
        order = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}
        places = pd.Series([(order[cell], bin_order(name)) for cell, name in zip(cells, frame["bin"], strict=True)])
        return frame.iloc[places.sort_values(kind="stable").index].reset_index(drop=True)

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """Task and network, in the order of the study."""
        return list(dict.fromkeys(zip(self.spreads["task"], self.spreads["network"], strict=True)))

    def of(self, task: str, network: str, *, groups: bool = False) -> pd.DataFrame:
        """Rows of `spreads` of one network over all scenes: channels, or groups, in the order of their groups."""
        frame = self.spreads
        wanted = (frame["task"] == task) & (frame["network"] == network) & (frame["is_group"] == groups)
        own = frame[wanted & (frame["bin"] == ALL)]
        return own.sort_values("group", key=lambda names: names.map(GROUPS.index), kind="stable")

    def channels(self, task: str, network: str) -> pd.DataFrame:
        """Rows of `of` that are the mean over classes."""
        own = self.of(task, network)
        return own[own["class"] == MEAN]

    def agreement(self, task: str, network: str) -> float | None:
        """The smallest Spearman correlation of two methods' orders of the channels; None with a single method."""
        table = self.channels(task, network).pivot(index="feature", columns="method", values="share")
        if table.shape[1] < 2:
            return None
        found = table.rank().corr()  # Pearson of ranks
        return float(found.min().min())


def bin_order(name: str) -> tuple[int, int, str]:
    """All scenes, seasons through the year, locations, cryoseasons."""
    found = Bin.parse(name)
    kinds = (ALL, "season", "location", "cryoseason")
    return kinds.index(found.kind), SEASONS.index(found.value) if found.value in SEASONS else 0, found.value


def bin_label(name: str) -> str:
    """`season/winter` -> `winter`."""
    return Bin.parse(name).value or "all scenes"


def method_label(method: str) -> str:
    """`gradient_shap` -> `Gradient SHAP`."""
    words = method.replace("_", " ").replace("shap", "SHAP").replace("deeplift", "DeepLIFT")
    return words if words.startswith("DeepLIFT") else words[0].upper() + words[1:]
