"""Published scores on the AI4Arctic test scenes: SOD, weighted averages, in percent.

Source: README of the public leaderboard (github.com/UCD-BDLab/sea-ice-leaderboard) and what it links to. The numbers do
not come from one protocol: each row says its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCORES: Final[Mapping[str, str]] = {
    "accuracy": "accuracy",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "iou": "IoU",
}
"""Scores of the leaderboard, and how its columns are called; all but accuracy are weighted by true pixels."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published row: `scores` in percent by name, those that were not published left out."""

    model: str
    task: str
    scores: Mapping[str, float]
    protocol: str


PUBLISHED: Final = (
    Published(
        model="DeepLab (geohai 2025)",
        task="pixel-based",
        scores={"f1": 89.35},
        protocol="F1 of SOD alone; charts of the challenge, 80 m; own training",
    ),
    Published(
        model="MMSeaIce (2024)",
        task="pixel-based",
        scores={"f1": 88.7},
        protocol="F1 of SOD alone (its own abstract: 88.6); charts of the challenge, 80 m; inputs of 800 m, three "
        "charts at once",
    ),
    Published(
        model="U-Net (IceBench)",
        task="pixel-based",
        scores={"accuracy": 86.36, "f1": 84.78, "precision": 84.68, "recall": 86.36, "iou": 77.18},
        protocol="own charts (block maximum) on the grid of its inputs; one run",
    ),
    Published(
        model="DenseNet (IceBench)",
        task="patch-based",
        scores={"accuracy": 54.77, "f1": 53.89, "precision": 63.79, "recall": 54.77, "iou": 38.51},
        protocol="pure patches, no map; F1 and precision averaged over batches of 16; one run",
    ),
)
