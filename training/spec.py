"""`TrialSpec`: everything that decides the numbers of one training, and nothing else.

Where things run (GPUs, workers, URLs) is not in it. Two specs with the same content have the same `trial_id`, whoever
writes them and wherever they run; a finished trial_id need not run again.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from datasets.channels import INPUTS, check_channels
from datasets.errors import IceBenchError, unknown_name
from datasets.labels import chart
from datasets.seasons import Cryoseason, Location, Season


class SpecError(IceBenchError, ValueError):
    """A spec with an unknown field, a value out of range, or a path that leads nowhere."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SceneFilter(_Part):
    """Which scenes of a split: every field that is set must hold; none set means all."""

    season: Season | None = None
    location: Location | None = None
    cryoseason: Cryoseason | None = None


class DataSpec(_Part):
    """What the network sees and what it is asked for.

    Attributes:
        lake: Digest of recipe and scenes of the lake (`datasets.lake.Lake.digest`); empty until a study is bound to a
            lake.
        ratio: Downscale ratio to 40 m: 2 is 80 m pixel spacing.
        channels: Inputs in order, names of `datasets.channels`.
        target: Chart to predict: SOD, SIC or FLOE.
        patch_size: Side of a training patch in pixels of the ratio.
        max_masked: Largest share of unlabelled pixels in a training patch (0.3: published).
        train: Scenes to train on, of the split "train".
        val: Scenes for early stopping, of the split "val".
        test: Scenes to score, of the split "test".
    """

    lake: str = ""
    ratio: int = Field(default=2, ge=1)
    channels: tuple[str, ...] = INPUTS
    target: str = "SOD"
    patch_size: int = Field(default=256, ge=16)
    max_masked: float = Field(default=0.3, ge=0.0, lt=1.0)
    train: SceneFilter = SceneFilter()
    val: SceneFilter = SceneFilter()
    test: SceneFilter = SceneFilter()

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        check_channels(names)
        if not names or len(set(names)) != len(names):
            raise ValueError(f"channels must be named once each and at least one, got {list(names)}")
        return names

    @field_validator("target")
    @classmethod
    def _known_chart(cls, name: str) -> str:
        chart(name)
        return name


class ModelSpec(_Part):
    """A network of `training.models` by name, with its own parameters (`{"filters": [16, 32, 64, 64]}`)."""

    name: str = "unet"
    params: dict[str, Any] = Field(default_factory=dict)

    @field_validator("params")
    @classmethod
    def _plain_json(cls, params: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(params, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError("parameters must be plain JSON values (numbers, text, lists)") from error
        return params


class OptimizerSpec(_Part):
    """Optimizer, learning rate and schedule (published defaults: Adam, 1e-4, warm restarts every 20 epochs)."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(default=1e-4, gt=0.0, allow_inf_nan=False)
    weight_decay: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    schedule: Literal["none", "cosine_warm_restarts"] = "cosine_warm_restarts"
    restart_epochs: int = Field(default=20, ge=1)


class LoopSpec(_Part):
    """An epoch is a number of batches; training ends after `patience` epochs without a better val loss."""

    batch_size: int = Field(default=16, ge=1)
    batches_per_epoch: int = Field(default=500, ge=1)
    max_epochs: int = Field(default=300, ge=1)
    patience: int = Field(default=30, ge=1)


class EvaluationSpec(_Part):
    """Scoring of whole test scenes.

    Attributes:
        fixed_ratio: Ratio of the grid on which trials of different ratios are compared (2: 80 m); None scores only on
            the trial's own grid.
    """

    fixed_ratio: int | None = Field(default=2, ge=1)


class TrialSpec(_Part):
    """One training: data + model + optimizer + loop + evaluation + seed."""

    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    loop: LoopSpec = LoopSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    seed: int = Field(default=0, ge=0, lt=2**32)

    def with_(self, path: str, value: object) -> "TrialSpec":
        """Returns a copy with one field replaced; `with_("data.ratio", 5)`.

        A dict field (`model.params`) takes any key below it.

        Raises:
            SpecError: The path leads nowhere, or the value is not allowed there.
        """
        content = self.to_dict()
        *parents, leaf = path.split(".")
        node: Any = content
        for depth, key in enumerate(parents):
            node = _child(node, key, path, parents[:depth])
        if parents != ["model", "params"]:
            _child(node, leaf, path, parents)
        node[leaf] = value
        return TrialSpec.from_dict(content)

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
            raise SpecError(f"the spec is no YAML ({reason}); write it with TrialSpec.to_yaml") from error

    @classmethod
    def from_file(cls, path: Path) -> "TrialSpec":
        """Reads a YAML or JSON file; raises SpecError."""
        if not path.is_file():
            raise SpecError(f"there is no spec file {str(path)!r}: write one with TrialSpec.to_yaml")
        return cls.from_yaml(path.read_text(encoding="utf-8"))

    @property
    def trial_id(self) -> str:
        """Hash of the content, 12 hex digits; the seed and the lake's digest are part of it."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def flat(self) -> dict[str, str | int | float | bool | None]:
        """Dotted names to plain values, for a tracker's parameter table; lists become JSON text."""
        return dict(_flatten("", self.to_dict()))


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
    given = repr(first.get("input"))
    given = given if len(given) <= 80 else f"{given[:77]}..."
    return f"{place} = {given} is not allowed: {first['msg'].removeprefix('Value error, ')}; correct the spec"


def _child(node: object, key: str, path: str, parents: list[str]) -> Any:  # noqa: ANN401 (a JSON value)
    """Value of `node[key]`; raises SpecError naming the paths that do exist beside it."""
    if not isinstance(node, dict):
        raise SpecError(
            f"unknown spec field {path!r}: {'.'.join(parents)} is a single value and has no fields below it"
        )
    if key not in node:
        beside = [".".join([*parents, name]) for name in node]
        if not beside:
            raise SpecError(f"unknown spec field {path!r}: {'.'.join(parents)} is empty; set it as a whole")
        raise SpecError(str(unknown_name("spec field", path, beside)))
    return node[key]


def _flatten(prefix: str, node: dict[str, Any]) -> list[tuple[str, str | int | float | bool | None]]:
    rows: list[tuple[str, str | int | float | bool | None]] = []
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows += _flatten(f"{name}.", value)
        else:
            rows.append((name, json.dumps(value) if isinstance(value, list) else value))
    return rows
