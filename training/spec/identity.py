"""The content of a spec that is hashed into a `trial_id`: when it is equal, two trials are the same. Pure.

Ids stay the same when the program gets new fields. The identity document of a spec holds

* every field of the first generation (`FIRST`), with the names and in the form that it had when the first ids
  were given,
* every later field, only where its value is not its default: a new field changes no id,
* the number of the rules, only where it is above 1.

Where a trial runs is not part of a spec, so it is not in the document either. When training would give other numbers
for the same spec, raise the number (`RULES`); `earlier_ids` then finds trials of earlier rules. A changed default of a
later field needs no new number: note in `CAME_WITH` what it was.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from training.spec.data import FORMER_TASKS

RULES: Final[Mapping[int, str]] = {1: "first"}
"""Why the number of the rules of training was raised to each number: one sentence for people whose trial runs again."""

FIRST: Final = (
    "augment.cutmix",
    "augment.cutmix_alpha",
    "augment.flip_lines",
    "augment.flip_samples",
    "augment.rotate",
    "augment.rotate90",
    "augment.rotate_degrees",
    "augment.scale",
    "augment.scale_range",
    "augment.turn_wind",
    "data.balanced",
    "data.border_distance",
    "data.channels",
    "data.lake",
    "data.max_land",
    "data.max_masked",
    "data.max_patches",
    "data.patch_size",
    "data.ratio",
    "data.scene_share",
    "data.statistics",
    "data.stride",
    "data.targets",
    "data.task",
    "data.test.cryoseason",
    "data.test.location",
    "data.test.season",
    "data.train.cryoseason",
    "data.train.location",
    "data.train.season",
    "data.val.cryoseason",
    "data.val.location",
    "data.val.season",
    "evaluation.fixed_ratio",
    "evaluation.map_stride",
    "evaluation.tile",
    "loop.batch_size",
    "loop.batches_per_epoch",
    "loop.compile",
    "loop.max_epochs",
    "loop.monitor",
    "loop.patience",
    "loop.precision",
    "loss.class_weights",
    "loss.focal_gamma",
    "loss.name",
    "loss.sic",
    "loss.task_weights",
    "model.name",
    "model.params",
    "model.pretrained",
    "optimizer.clip_norm",
    "optimizer.factor",
    "optimizer.lr",
    "optimizer.momentum",
    "optimizer.name",
    "optimizer.plateau_epochs",
    "optimizer.restart_epochs",
    "optimizer.schedule",
    "optimizer.step_epochs",
    "optimizer.weight_decay",
    "seed",
)
"""Fields of `TrialSpec` that were there when the first ids were given; they are spelled out always. Never to be
changed."""

CAME_WITH: Final[Mapping[str, object]] = {}
"""Default with which a later field of `TrialSpec` was added, where it is another one today."""

PINNED: Final = re.compile(r"(?P<path>.+)#(?P<digest>[0-9a-fA-F]{8,64})")
"""`model.pretrained` as `PATH#DIGEST`."""
_UNTYPED: Final = frozenset({"model.params"})
"""Fields whose numbers no type turns into int or float: there 1.0 is written as 1."""
_WEIGHTS: Final = "model.pretrained"
_FIRST_WORDS: Final = {"data.task": {word: first for first, word in FORMER_TASKS.items()}}
"""Values as the first generation wrote them, by field and today's value."""
_SPELLED: Final = "its id came from the spelling of its values, before equal ones (w.pth and ./w.pth) had one form"


def trial_id(spec: BaseModel) -> str:
    """Id of a training by its `TrialSpec`, 12 hex digits."""
    return digest(document(spec, FIRST, rules=max(RULES), came_with=CAME_WITH))


def earlier_ids(spec: BaseModel) -> dict[str, str]:
    """Ids that earlier rules gave to the trial of a `TrialSpec`, each with the reason why it no longer counts.

    An earlier run may have written the same values in another form than `spec`; then its id is not among them.
    """
    found = {
        digest(document(spec, FIRST, rules=number, came_with=CAME_WITH)): reason
        for number, reason in outdated(RULES).items()
    }
    spelled = digest(document(spec, FIRST, rules=1, came_with=CAME_WITH, as_spelled=True))
    return found if spelled in {*found, trial_id(spec)} else {**found, spelled: _SPELLED}


def outdated(rules: Mapping[int, str]) -> dict[int, str]:
    """Every number but the newest, with the reasons for which the number was raised since."""
    return {
        number: "; ".join(reason for later, reason in sorted(rules.items()) if later > number)
        for number in sorted(rules)[:-1]
    }


def document(
    settings: BaseModel,
    first: Collection[str],
    *,
    rules: int,
    came_with: Mapping[str, object],
    as_spelled: bool = False,
) -> dict[str, Any]:
    """The identity document of settings, plain JSON values.

    Args:
        settings: A spec, or other settings whose fields all have defaults.
        first: Dotted names of the fields that are spelled out always.
        rules: Number of the rules.
        came_with: Default that a later field is left out with, by dotted name, where it is another one today.
        as_spelled: Leaves values as they are instead of giving equal ones one form.
    """
    content = _content(settings, type(settings)(), first, came_with, as_spelled=as_spelled)
    return content if rules == 1 else {**content, "rules": rules}


def digest(content: object) -> str:
    """Hash of plain JSON values, 12 hex digits; the order of keys does not matter."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _content(
    part: BaseModel,
    usual: object,
    first: Collection[str],
    came_with: Mapping[str, object],
    place: str = "",
    *,
    as_spelled: bool,
) -> dict[str, Any]:
    """The fields of a part that are kept; `usual` is the default of the part, or something else where it has none."""
    dumped, kept = part.model_dump(mode="json"), dict[str, Any]()
    for name, field in type(part).model_fields.items():
        path, value = f"{place}{name}", getattr(part, name)
        plain = _FIRST_WORDS[path][value] if path in _FIRST_WORDS else dumped[name]
        default = getattr(usual, name) if type(usual) is type(part) else field.get_default(call_default_factory=True)
        if isinstance(value, BaseModel):
            inner = _content(value, default, first, came_with, f"{path}.", as_spelled=as_spelled)
            if inner or type(value) is not type(default):
                kept[name] = inner
            continue
        one_form = canonical(path, plain)
        if path in first or _says_which(field) or one_form != _plain_default(path, came_with.get(path, default)):
            kept[name] = plain if as_spelled else one_form
    return kept


def canonical(path: str, value: Any) -> Any:  # noqa: ANN401 (a JSON value)
    """The one form of a JSON value of the field at a dotted path, so that equal values give equal text.

    Zero has no sign. Numbers of `model.params` are ints where they are whole. A path of weights has no redundant `.`
    and `/`; of `PATH#DIGEST` only the digest counts, its first 8 digits in lower case: it names the content, and the
    path only where that lies.
    """
    if isinstance(value, dict):
        return {name: canonical(path, each) for name, each in value.items()}
    if isinstance(value, list):
        return [canonical(path, each) for each in value]
    if isinstance(value, float):
        return int(value) if path in _UNTYPED and value.is_integer() else value + 0.0  # -0.0 + 0.0 is 0.0
    return _weights(value) if path == _WEIGHTS and value else value


def _weights(given: str) -> str:
    if pinned := PINNED.fullmatch(given):
        return f"//sha256:{pinned['digest'][:8].lower()}"  # no path in its one form begins with //
    path = str(PurePosixPath(re.sub("/+", "/", given)))
    keyword = "/" not in path and "/" in given  # `./imagenet` is a file, `imagenet` the weights of the library
    return f"./{path}" if keyword and path == "imagenet" else path


def _says_which(field: FieldInfo) -> bool:
    """Whether a field has only one allowed value, which marks the kind of a part."""
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def _plain_default(path: str, default: object) -> Any:  # noqa: ANN401 (a JSON value)
    return canonical(path, to_jsonable_python(default, fallback=lambda unknown: f"no default: {unknown!r}"))
