"""`TrialSpec`: everything that decides the numbers of one training, and nothing else.

Where things run (GPUs, workers, URLs) is not in it. Two specs with the same content have the same `trial_id`, for
every user and on every machine; a finished trial_id need not run again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from datasets.channels import CHANNELS
from datasets.errors import unknown_name
from datasets.grids import pixels_of
from datasets.labels import chart
from datasets.plural import plural
from training.spec import identity
from training.spec.data import DataSpec
from training.spec.errors import Part, SpecError
from training.spec.parts import AugmentSpec, EvaluationSpec, LoopSpec, LossSpec, ModelSpec, OptimizerSpec

_EXAMPLE = "`python -m training run --show` prints one to start from"
_FREE_FIELDS = (["model", "params"], ["loss", "task_weights"])
"""Dicts with any keys: `with_` may add one."""


class TrialSpec(Part):
    """One training: data + model + optimizer + loss + augmentation + loop + evaluation + seed."""

    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    loss: LossSpec = LossSpec()
    augment: AugmentSpec = AugmentSpec()
    loop: LoopSpec = LoopSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _parts_fit(self) -> "TrialSpec":
        if problem := next(_misfits(self), None):
            raise ValueError(problem)
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """Channels of the network's inputs in order; one may stand several times."""
        return self.model.inputs.channels or self.data.channels

    @property
    def map_stride(self) -> int:
        """Pixels between the windows from which a patch-based network makes a map."""
        scoring = self.evaluation
        if scoring.map_stride_m is not None:
            return pixels_of(scoring.map_stride_m, self.data.ratio)
        return scoring.map_stride or self.data.window_stride

    def with_(self, path: str, value: object) -> "TrialSpec":
        """Returns a copy with one field replaced; `with_("data.ratio", 5)`.

        A dict field (`model.params`, `loss.task_weights`) takes any key below it.

        Raises:
            SpecError: The path leads nowhere, or the value is not allowed there.
        """
        return self.with_all({path: value})

    def with_all(self, changes: Mapping[str, object]) -> "TrialSpec":
        """Returns a copy with several fields replaced at once: parts that fit only together can change together."""
        content = self.to_dict()
        for path, value in changes.items():
            *parents, leaf = path.split(".")
            node: Any = content
            for depth, key in enumerate(parents):
                node = _child(node, key, path, parents[:depth])
            if parents not in _FREE_FIELDS:
                _child(node, leaf, path, parents)
            node[leaf] = value
        return type(self).from_dict(content)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON content; `from_dict` reads it back."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, content: object) -> "TrialSpec":
        """Builds a spec from plain content; raises SpecError in one sentence."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise SpecError(_sentence(error)) from error

    def to_yaml(self) -> str:
        """The spec as YAML text; `from_yaml` reads it back."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> "TrialSpec":
        """Reads YAML (or JSON) text; raises SpecError."""
        try:
            return cls.from_dict(yaml.safe_load(text))
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise SpecError(f"the spec is no YAML ({reason}): {_EXAMPLE}") from error

    @classmethod
    def from_file(cls, path: Path) -> "TrialSpec":
        """Reads a YAML or JSON file; raises SpecError."""
        if not path.is_file():
            near = get_close_matches(path.name, [file.name for file in path.parent.glob("*.*")], n=1)
            hint = f"; did you mean {str(path.with_name(near[0]))!r}?" if near else ""
            raise SpecError(f"there is no spec file {str(path)!r}: {_EXAMPLE}{hint}")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"the spec file {str(path)!r} cannot be read as text ({error}): {_EXAMPLE}") from error
        return cls.from_yaml(text)

    @property
    def trial_id(self) -> str:
        """Hash of the content with seed and lake, 12 hex digits; it outlives new fields (`training.spec.identity`)."""
        return identity.trial_id(self)

    def flat(self) -> dict[str, str | int | float | bool | None]:
        """Dotted names to plain values, for a tracker's parameter table; lists become JSON text."""
        return dict(_flatten("", self.to_dict()))


def parse_changes(given: Sequence[str]) -> dict[str, object]:
    """`NAME=VALUE` texts by name, for `TrialSpec.with_all`; values are read as YAML.

    Raises:
        SpecError: One is not of that form, or its value is no YAML.
    """
    values: dict[str, object] = {}
    for change in given:
        name, equals, text = change.partition("=")
        if not equals:
            raise SpecError(f"--set {change!r} is not NAME=VALUE: write for example --set data.ratio=5")
        try:
            values[name.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise SpecError(
                f"--set {change!r} has a value that is no YAML: quote it, or write a list as [1, 2]"
            ) from error
    return values


def _misfits(spec: TrialSpec) -> Iterator[str]:
    """What each part allows but the parts together do not."""
    data, loss = spec.data, spec.loss
    n_classes = chart(data.primary).n_classes
    if data.task == "pixel" and spec.loop.batches_per_epoch is None:
        yield "loop.batches_per_epoch must be a number for pixel-based trials: their patches are drawn without end"
    if data.task == "patch" and spec.augment.cutmix > 0:
        yield "augment.cutmix is for pixel-based trials: a patch with a box of another has no single class"
    if loss.sic == "regression" and data.primary == "SIC" and data.task == "patch":
        yield "loss.sic = 'regression' is for pixel-based trials: a patch-based one predicts one of 11 classes"
    if loss.class_weights not in ("none", "balanced") and len(loss.class_weights) != n_classes:
        yield f"loss.class_weights must have one weight for each of the {n_classes} classes of {data.primary}"
    yield from _unfit_inputs(spec)
    if spec.model.head == "linear" and data.task == "patch":
        yield "model.head = 'linear' is for pixel-based trials: the head of a patch-based network is linear already"
    if spec.model.freeze == "encoder" and spec.optimizer.encoder_lr_factor != 1.0:
        yield "optimizer.encoder_lr_factor is for an encoder that is trained, and model.freeze is 'encoder'"
    if spec.loop.monitor == "score" and data.task == "patch":
        yield "loop.monitor = 'score' is for pixel-based trials: the combined AutoICE score is one of pixels"


def _unfit_inputs(spec: TrialSpec) -> Iterator[str]:
    inputs, names = spec.model.inputs, spec.inputs
    if absent := [name for name in names if name not in spec.data.channels]:
        yield (
            f"model.inputs.channels has {', '.join(dict.fromkeys(absent))}, which data.channels lacks: it has "
            f"{', '.join(spec.data.channels)}"
        )
        return
    for field, values in (("mean", inputs.mean), ("std", inputs.std)):
        if len(values) != len(names) and (inputs.mean or inputs.std):
            yield (
                f"model.inputs.{field} has {plural(len(values), 'value')} and the network "
                f"{plural(len(names), 'input')} ({', '.join(names)}): give one for each, null where it is that of the "
                "training scenes"
            )
            return
    pairs = list(zip(names, inputs.mean or (None,) * len(names), inputs.std or (None,) * len(names), strict=True))
    if half := [name for name, mean, std in pairs if (mean is None) != (std is None)]:
        yield f"model.inputs.mean and model.inputs.std must be null together, and are not for {', '.join(half)}"
    lakes = [name for name, mean, _ in pairs if mean is None and CHANNELS[name].units == "dB"]
    if inputs.sar != "dB" and lakes:
        yield (
            f"model.inputs.sar = {inputs.sar!r} needs model.inputs.mean and model.inputs.std of {', '.join(lakes)}: "
            "the lake has those of dB"
        )


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong, as one sentence; a misspelt field gets the nearest field."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the spec"
    if first["type"] == "extra_forbidden":
        part: Any = TrialSpec().to_dict()
        parents = [str(name) for name in first["loc"][:-1]]
        for name in parents:
            part = part[name]
        return str(unknown_name("spec field", place, [".".join([*parents, name]) for name in part]))
    if isinstance(first.get("input"), dict):  # parts that do not fit together: the sentence names their fields
        return f"{first['msg'].removeprefix('Value error, ')}; correct the spec"
    given = repr(first.get("input"))
    given = given if len(given) <= 80 else f"{given[:77]}..."
    return f"{place} = {given} is not allowed: {first['msg'].removeprefix('Value error, ')}; correct the spec"


def _child(node: object, key: str, path: str, parents: list[str]) -> Any:  # noqa: ANN401 (a JSON value)
    """Value of `node[key]`; raises SpecError naming the paths that do exist beside it."""
    unknown, place = f"unknown spec field {path!r}", ".".join(parents)
    if not isinstance(node, dict):
        raise SpecError(f"{unknown}: {place} is a single value and has no fields below it")
    if not node:
        raise SpecError(f"{unknown}: {place} is empty; set it as a whole")
    if key not in node:
        raise SpecError(str(unknown_name("spec field", path, [".".join([*parents, name]) for name in node])))
    return node[key]


def _flatten(prefix: str, node: dict[str, Any]) -> Iterator[tuple[str, str | int | float | bool | None]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", json.dumps(value) if isinstance(value, list) else value
