"""A submission against the charts: its predictions scored, and its claims compared with what they give."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

from datasets.labels import SOD
from datasets.lake import Lake
from sweeps.leaderboard.submission import Submission, SubmissionError, claims, parse_submission
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.prediction_files import PredictionError, score_predictions


@dataclass(frozen=True, kw_only=True)
class CheckedScore:
    """A score in percent: what is claimed (None: nothing), what the predictions give, and whether that agrees."""

    score: str
    claimed: float | None
    found: float
    holds: bool


def read_submission(path: Path) -> Submission:
    """Reads a submission; raises SubmissionError."""
    if not path.is_file():
        raise SubmissionError(f"there is no submission {str(path)!r}: write one with --submission")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SubmissionError(f"{path.name} is no JSON (it is no text): write it with --submission") from error
    return parse_submission(text, path.name)


def check_claims(submission: Submission, predictions: Path, lake: Lake, *, ratio: int) -> list[CheckedScore]:
    """Scores the predictions on all test scenes together.

    Args:
        submission: With what is claimed.
        predictions: Folder with one class map per test scene (`training.evaluation.prediction_files`).
        lake: With the charts.
        ratio: Grid of the maps.

    Raises:
        PredictionError: The maps are of other scenes, of another shape, or hold what is no class; or no test scene has
            a label.
    """
    matrices = score_predictions(predictions, lake, SOD, ratio=ratio)
    return compare_claims(submission, matrices)


def compare_claims(submission: Submission, matrices: Mapping[str, ConfusionMatrix]) -> list[CheckedScore]:
    """What is claimed and what the matrices of all scenes give together."""
    whole = reduce(add, matrices.values())
    if not whole.n:
        raise PredictionError("no test scene of the lake has a pixel labelled in SOD: give another lake")
    scores, claimed = whole.metrics(), claims(submission)
    found = []
    for name in ("accuracy", "f1", "precision", "recall", "iou"):
        value = 100 * getattr(scores, name)
        given, margin = claimed.get(name, (None, 0.0))
        holds = given is None or abs(given - value) <= margin
        found.append(CheckedScore(score=name, claimed=given, found=value, holds=holds))
    return found
