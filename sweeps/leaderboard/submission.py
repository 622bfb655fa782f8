"""The JSON that the public leaderboard takes, in both of the forms that it asks for. Pure.

Its README asks for percent, with IoU and a link (`readme`). Its script, guidelines and example have shares of 1, with
methodology, data and inference time (`script`). Source: github.com/UCD-BDLab/sea-ice-leaderboard, README.md,
update_leaderboard.py, submission/example_submission.json.
"""

import json
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasets.errors import IceBenchError, unknown_name

Form = Literal["readme", "script"]
_Text = Annotated[str, Field(min_length=1)]
_Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False, strict=True)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


class SubmissionError(IceBenchError, ValueError):
    """A submission is not what the leaderboard takes."""


class _Submission(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
    form: ClassVar[Form]
    scale: ClassVar[float]
    digits: ClassVar[int]


class ReadmeSubmission(_Submission):
    """As the README has it: scores in percent."""

    form, scale, digits = "readme", 100.0, 2

    model_name: _Text
    model_type: _Text
    accuracy: _Percent
    f1_score: _Percent
    precision: _Percent
    recall: _Percent
    iou: _Percent
    github_link: _Text


class ScriptSubmission(_Submission):
    """As the script reads it: scores as shares of 1."""

    form, scale, digits = "script", 1.0, 4

    model_name: _Text
    methodology: _Text
    model_type: _Text
    data_used: _Text
    accuracy: _Share
    f1_score: _Share
    precision: _Share
    recall: _Share
    inference_time: _Text


Submission = ReadmeSubmission | ScriptSubmission
FORMS: Final[Mapping[Form, type[Submission]]] = {"readme": ReadmeSubmission, "script": ScriptSubmission}
_FIELDS: Final[Mapping[str, str]] = {
    "accuracy": "accuracy",
    "f1_score": "f1",
    "precision": "precision",
    "recall": "recall",
    "iou": "iou",
}
"""Field of a score, and the score."""


def parse_submission(text: str, name: str) -> Submission:
    """Reads a submission of either form from JSON; `name` is that of the file, for the error.

    Raises:
        SubmissionError: It is no JSON, lacks a field, has an unknown one, or a value is not allowed.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise SubmissionError(
            f"{name} is no JSON ({error.msg}, line {error.lineno}): write it with --submission"
        ) from error
    if not isinstance(content, dict):
        raise SubmissionError(f'{name} is no JSON object: write fields by name, {{"model_name": ...}}')
    only_script = set(ScriptSubmission.model_fields) - set(ReadmeSubmission.model_fields)
    kind = FORMS["script" if only_script & set(content) else "readme"]
    found = _validated(kind, content, name)
    if found.form == "readme" and all(value <= 1 for value in _written(found).values()):
        raise SubmissionError(
            f"{name} has scores of at most 1, and its form 'readme' has percent: multiply them by 100"
        )
    return found


def make_submission(scores: Mapping[str, float], form: Form, texts: Mapping[str, str]) -> Submission:
    """Makes a submission from shares of 1 by score, and from texts by field; those that the form lacks are left out.

    Raises:
        SubmissionError: A text is missing.
    """
    kind = FORMS[form]
    written = {
        field: round(kind.scale * scores[score], kind.digits)
        for field, score in _FIELDS.items()
        if field in kind.model_fields
    }
    content = {name: text for name, text in texts.items() if name in kind.model_fields} | written
    return _validated(kind, content, "the submission")


def to_json(submission: Submission) -> str:
    """As a file."""
    return submission.model_dump_json(indent=2) + "\n"


def claims(submission: Submission) -> dict[str, tuple[float, float]]:
    """Claimed scores in percent by name, each with how far the true one may be off: half of its last digit."""
    factor = 100.0 / submission.scale
    found = {}
    for score, value in _written(submission).items():
        digits = max(len(repr(value).partition(".")[2]), 2)
        found[score] = factor * value, factor * 0.51 * 10**-digits
    return found


def remarks(submission: Submission) -> list[str]:
    """What looks wrong and is allowed."""
    if submission.accuracy == submission.recall:
        return []
    return [
        f"recall {submission.recall:g} is not accuracy {submission.accuracy:g}: weighted by true pixels they are equal "
        "by definition, so one of them is something else."
    ]


def _written(submission: Submission) -> dict[str, float]:
    return {score: getattr(submission, field) for field, score in _FIELDS.items() if hasattr(submission, field)}


def _validated(kind: type[Submission], content: Mapping[str, object], name: str) -> Submission:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise SubmissionError(f"{name} {_problem(error, kind)}") from error


def _problem(error: ValidationError, kind: type[Submission]) -> str:
    """The first thing that is wrong, without the name of the file."""
    first = error.errors()[0]
    field = str(first["loc"][0])
    if first["type"] == "missing":
        return f"lacks {field!r}: the form {kind.form!r} has {', '.join(kind.model_fields)}"
    if first["type"] == "extra_forbidden":
        return f"has an {unknown_name('field', field, kind.model_fields)}"
    limit = "percent, 0 to 100" if kind.scale == 100 else "a share, 0 to 1"
    wanted = limit if field in _FIELDS else "a text"
    return f"has {field} = {first['input']!r}, which is not allowed: the form {kind.form!r} wants {wanted}"
