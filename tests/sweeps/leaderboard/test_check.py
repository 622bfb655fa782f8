"""What is claimed against what predictions give."""

import json

import numpy as np
import pytest

from sweeps.leaderboard.check import compare_claims
from sweeps.leaderboard.submission import (
    parse_submission,
)
from tests.sweeps.leaderboard.submissions import README, SCRIPT
from training.evaluation.confusion import ConfusionMatrix


def test_claims_hold_up_to_their_last_digit() -> None:
    matrices = {
        "a": ConfusionMatrix(np.diag([3, 2, 1, 1, 1, 1])),
        "b": ConfusionMatrix(np.eye(6, k=1, dtype=np.int64)),
    }
    accuracy = 100 * 9 / 14  # 64.2857...
    true = compare_claims(parse_submission(json.dumps(README | {"accuracy": 64.29}), "s.json"), matrices)
    assert true[0].found == pytest.approx(accuracy)
    assert true[0].holds
    off = compare_claims(parse_submission(json.dumps(README | {"accuracy": 64.27}), "s.json"), matrices)
    assert not off[0].holds
    script = compare_claims(parse_submission(json.dumps(SCRIPT | {"accuracy": 0.64}), "s.json"), matrices)
    assert script[0].holds, "two digits are claimed"
    assert script[-1].claimed is None
    assert script[-1].holds, "the form has no IoU"
