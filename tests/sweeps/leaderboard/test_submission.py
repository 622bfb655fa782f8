"""Both forms of the public leaderboard's JSON."""

import json

import pytest

from sweeps.leaderboard.submission import (
    Form,
    SubmissionError,
    claims,
    make_submission,
    parse_submission,
    remarks,
    to_json,
)
from tests.sweeps.leaderboard.submissions import README, SCRIPT

TEXTS = {
    "model_name": "m", "model_type": "t", "github_link": "l", "methodology": "Supervised", "data_used": "Labeled",
    "inference_time": "1 s",
}  # fmt: skip


@pytest.mark.parametrize(("content", "form"), [(README, "readme"), (SCRIPT, "script")])
def test_both_published_forms_are_read(content: dict[str, object], form: Form) -> None:
    found = parse_submission(json.dumps(content), "s.json")
    assert found.form == form
    assert json.loads(to_json(found)) == content


@pytest.mark.parametrize("form", ["readme", "script"])
def test_what_is_written_is_read_back_and_claims_the_scores(form: Form) -> None:
    scores = {"accuracy": 0.863_649, "f1": 0.847_81, "precision": 0.846_8, "recall": 0.863_649, "iou": 0.771_8}
    made = make_submission(scores, form, TEXTS)
    found = parse_submission(to_json(made), "s.json")
    assert found == made
    assert remarks(found) == []
    for name, (value, margin) in claims(found).items():
        assert abs(value - 100 * scores[name]) <= margin <= 0.0051
    assert set(claims(found)) == set(scores) - ({"iou"} if form == "script" else set())


def without(content: dict[str, object], name: str) -> str:
    return json.dumps({key: value for key, value in content.items() if key != name})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "s.json is no JSON (Expecting property name enclosed in double quotes, line 1): write it with"),
        ("[1]", "s.json is no JSON object: write fields by name"),
        (without(README, "iou"), "s.json lacks 'iou': the form 'readme' has model_name, model_type, accuracy"),
        (without(SCRIPT, "methodology"), "s.json lacks 'methodology': the form 'script' has model_name, methodology"),
        (without(SCRIPT, "recall"), "s.json lacks 'recall': the form 'script'"),
        ("{}", "s.json lacks 'model_name': the form 'readme'"),
        (json.dumps(README | {"F1": 3}), "s.json has an unknown field 'F1': known are"),
        (
            json.dumps(README | {"accuracy": 101}),
            "accuracy = 101, which is not allowed: the form 'readme' wants percent",
        ),
        (json.dumps(README | {"accuracy": "86"}), "accuracy = '86', which is not allowed"),
        (
            json.dumps(SCRIPT | {"recall": 92}),
            "recall = 92, which is not allowed: the form 'script' wants a share, 0 to 1",
        ),
        (json.dumps(SCRIPT | {"recall": float("nan")}), "recall = nan, which is not allowed"),
        (
            json.dumps(README | {"model_name": ""}),
            "model_name = '', which is not allowed: the form 'readme' wants a text",
        ),
        (
            json.dumps(README | {name: 0.9 for name in ("accuracy", "f1_score", "precision", "recall", "iou")}),
            "s.json has scores of at most 1, and its form 'readme' has percent: multiply them by 100",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SubmissionError) as caught:
        parse_submission(text, "s.json")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recall_that_is_not_the_accuracy_is_remarked() -> None:
    found = parse_submission(json.dumps(SCRIPT), "s.json")
    (sentence,) = remarks(found)
    assert sentence.startswith("recall 0.92 is not accuracy 0.95: weighted by true pixels they are equal by definition")
