"""The content of a spec that is hashed into a `trial_id`: when it is equal, two trials are the same. Pure.

Ids stay the same when the program gets new fields. The identity document of a spec holds

* every field of the first generation (`FIRST`), with the names and in the form that it had when the first ids
  were given,
* every later field, only where its value is not its default: a new field changes no id,
* the number of the rules, only where it is above 1.

Where a trial runs (`WHERE`, and all that is no part of a spec) is not in the document. When training would give other
numbers for the same spec, raise the number (`RULES`); `earlier_ids` then finds trials of earlier rules. A changed
default of a later field needs no new number: note in `CAME_WITH` what it was.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from datasets.digest import digest_of
from training.spec.data import FORMER_TASKS

RULES: Final[Mapping[int, str]] = {1: "first"}
"""Why the number of the rules of training was raised to each number: one sentence for people whose trial runs again."""

_FIRST_OF: Final = {
    "augment.": "cutmix cutmix_alpha flip_lines flip_samples rotate rotate90 rotate_degrees scale scale_range "
    "turn_wind",
    "data.": "balanced border_distance channels lake max_land max_masked max_patches patch_size ratio scene_share "
    "statistics stride targets task",
    **{f"data.{split}.": "cryoseason location season" for split in ("train", "val", "test")},
    "evaluation.": "fixed_ratio map_stride tile",
    "loop.": "batch_size batches_per_epoch compile max_epochs monitor patience precision",
    "loss.": "class_weights focal_gamma name sic task_weights",
    "model.": "name params pretrained",
    "optimizer.": "clip_norm factor lr momentum name plateau_epochs restart_epochs schedule step_epochs weight_decay",
    "": "seed",
}
FIRST: Final = tuple(sorted(f"{part}{name}" for part, names in _FIRST_OF.items() for name in names.split()))
"""Fields of `TrialSpec` that were there when the first ids were given; they are spelled out always. Never to be
changed."""

CAME_WITH: Final[Mapping[str, object]] = {}
"""Default with which a later field of `TrialSpec` was added, where it is another one today."""

WHERE: Final = frozenset({"loop.feed", "evaluation.maps"})
"""Fields of `TrialSpec` that say where something is done, or what is drawn, and change no number."""

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

    def kept_of(part: BaseModel, usual: object, place: str) -> dict[str, Any]:
        """What is kept of a part; `usual` is the part as it is by default, or something else where it has none."""
        dumped, kept = part.model_dump(mode="json"), dict[str, Any]()
        for name, field in type(part).model_fields.items():
            path, value = f"{place}{name}", getattr(part, name)
            if path in WHERE:
                continue
            plain = _FIRST_WORDS[path][value] if path in _FIRST_WORDS else dumped[name]
            if path == "data.balanced" and value and getattr(part, "task", None) == "pixel":
                plain = "crops"  # pixel-based trials could say so before, and it did nothing: theirs are other ids
            own_default = field.get_default(call_default_factory=True)
            default = getattr(usual, name) if type(usual) is type(part) else own_default
            if isinstance(value, BaseModel):
                inner = kept_of(value, default, f"{path}.")
                if inner or type(value) is not type(default):
                    kept[name] = inner
                continue
            one_form = canonical(path, plain)
            left_out = to_jsonable_python(came_with.get(path, default), fallback=lambda _: "no default")
            # A field with one allowed value tells one kind of part from another.
            says_which = get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
            if path in first or says_which or one_form != canonical(path, left_out):
                kept[name] = plain if as_spelled else one_form
        return kept

    content = kept_of(settings, type(settings)(), "")
    return content if rules == 1 else {**content, "rules": rules}


def digest(content: object) -> str:
    """Hash of plain JSON values, 12 hex digits; the order of keys does not matter."""
    return digest_of(content, compact=True)


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
