"""`Recipe`: what is built from a raw scene. Its digest goes into every store and every record."""

import importlib.metadata
import sys
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from datasets.digest import digest_of
from datasets.sigrid import Dominance
from datasets.stores.scene_writer import CHUNK, SHARD
from ingest.errors import RecipeError


class Recipe(BaseModel):
    """Options that change the content of a scene store.

    Attributes:
        ratios: Downscale ratios to 40 m, rising; 1 is full resolution, four fifths of the bytes, and no study reads it.
        sar_mean: How SAR blocks are averaged: `db` as published (mean of dB), `power` (mean of linear power, then dB).
        chart_reduction: How chart blocks are reduced: `max` as published, so 255 wins; `mode`, the commonest class.
        sar_precision: Largest rounding error of raw SAR pixels in dB; 0 keeps them bit for bit. Block means are rounded
            to at least `ingest.precision.MEAN_STEP_DB`.
        chunk: Side of a chunk in pixels.
        shard: Largest side of a shard in pixels.
        dominance: Share of the total concentration, between 0 and 1, from which a stage of development (SOD) or a floe
            size (FLOE) names a polygon.
        rounding: Version of the steps in `ingest.precision` for what is computed here.
        labels: Version of the chart rules in `datasets.sigrid`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratios: tuple[int, ...] = (2, 5, 10)
    sar_mean: Literal["db", "power"] = "db"
    chart_reduction: Literal["max", "mode"] = "max"
    sar_precision: float = Field(default=0.0, ge=0.0, le=1.0)
    dominance: Dominance = Dominance()
    chunk: Literal[512] = CHUNK
    shard: Literal[6144] = SHARD
    rounding: Literal[4] = 4
    labels: Literal[1] = 1

    @field_validator("ratios")
    @classmethod
    def _usable(cls, ratios: tuple[int, ...]) -> tuple[int, ...]:
        if not ratios or min(ratios) < 1:
            raise ValueError("whole numbers from 1 up are allowed, at least one")
        return tuple(sorted(set(ratios)))

    @field_validator("dominance")
    @classmethod
    def _shares(cls, dominance: Dominance) -> Dominance:
        if not all(0 < share <= 1 for share in dominance):
            raise ValueError("two shares above 0 and up to 1 are allowed, of SOD and of FLOE")
        return dominance

    @classmethod
    def of(cls, **options: object) -> Self:
        """Builds a recipe; raises RecipeError in one sentence."""
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            first = error.errors()[0]
            raise RecipeError(
                f"{first['loc'][0]} = {first['input']!r} is not allowed: {first['msg'].removeprefix('Value error, ')}; "
                "see `python -m ingest build --help`"
            ) from error

    @property
    def digest(self) -> str:
        """Hash of the content, 12 hex digits."""
        return digest_of(self.model_dump(mode="json"))

    def to_lake(self) -> dict[str, Any]:
        """Content of the lake's recipe.json."""
        return {"digest": self.digest, "recipe": self.model_dump(mode="json"), "software": software_versions()}


def software_versions() -> dict[str, str]:
    """Versions of what can change a byte of the lake."""
    names = ("numpy", "zarr", "numcodecs", "edt", "netCDF4", "xarray")
    return {"python": sys.version.split()[0], **{name: importlib.metadata.version(name) for name in names}}
