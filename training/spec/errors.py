"""The error of every spec, and the model that its parts and the rows of results are."""

from pydantic import BaseModel, ConfigDict

from datasets.errors import IceBenchError


class SpecError(IceBenchError, ValueError):
    """A spec with an unknown field, a value out of range, or a path that leads nowhere."""


class Part(BaseModel):
    """Frozen, and refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
