"""`ExportSettings`: what an export consists of. Two exports with the same settings are the same, byte by byte."""

import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from datasets.channels import CHANNELS, INPUTS, check_channels
from datasets.errors import ExportError, LakeNotFoundError, unknown_name
from datasets.labels import Chart, chart
from datasets.lake import Lake
from datasets.prefixes import holds_objects
from datasets.storage import read, replace

Format = Literal["geotiff", "npz", "zarr"]
SPLITS: Final = ("train", "val", "test")
FILE: Final = "export.json"
"""Written first: what holds anything without it is no export."""


class ExportSettings(BaseModel):
    """What is exported, and how.

    Attributes:
        lake: Digest of the lake.
        ratio: Downscale ratio.
        patch: Side of a patch in pixels of the ratio.
        stride: Pixels from one patch to the next; the last one of a scene may be nearer.
        channels: In the order of the bands.
        target: Chart of the masks.
        format: Of the files.
        splits: Which.
        max_masked: Largest share of pixels without a label that a patch may have.
        no_data: What stands where a channel has no data: `mean` of the training scenes, which is what our own networks
            get, or `nan`.
        limit: Patches of a split at most; None takes all.
        seed: Of the draw where there is a limit: fewer patches are a part of more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    lake: str
    ratio: int = Field(ge=1)
    patch: int = Field(ge=1)
    stride: int = Field(ge=1)
    channels: tuple[str, ...]
    target: str
    format: Format
    splits: tuple[str, ...]
    max_masked: float = Field(ge=0, le=1)
    no_data: Literal["mean", "nan"]
    limit: int | None
    seed: int

    @property
    def chart(self) -> Chart:
        """The chart of the masks."""
        return chart(self.target)

    def check(self, lake: Lake) -> None:
        """Raises an error of one sentence where the lake has not what is asked for."""
        for name in self.splits:
            if name not in SPLITS:
                raise unknown_name("split", name, SPLITS)
        chart(self.target)
        check_channels(self.channels)
        if self.ratio not in lake.ratios:
            raise LakeNotFoundError(
                f"the lake {lake.url!r} has no ratio {self.ratio}, it has {', '.join(map(str, lake.ratios))}: give one "
                "of these as --ratio"
            )
        held = {*lake.moments(f"r{self.ratio}"), *lake.moments("km2")}
        lacking = [name for name in self.channels if name not in held and CHANNELS[name].grid != "scene"]
        if lacking:
            raise LakeNotFoundError(f"the lake {lake.url!r} has no channel {lacking[0]!r}: leave it out of --channels")

    def begun_in(self, place: str) -> bool:
        """Whether this export was begun in a folder or below a prefix; not so where there is nothing.

        Raises:
            ExportError: It holds something else, or an export with other settings.
        """
        wanted = self.model_dump(mode="json")
        content = read(f"{place}/{FILE}")
        if content is None and not holds_objects(place):
            return False
        found = _settings_in(content)
        if not wanted.keys() & found.keys():
            raise ExportError(f"{place!r} is not empty and holds no export: give a folder or a prefix of its own")
        other = [name for name in wanted if found.get(name) != wanted[name]]
        if other:
            said = ", ".join(f"{name} {_said(found.get(name))} and not {_said(wanted[name])}" for name in other)
            raise ExportError(
                f"{place!r} holds an export with other settings ({said}): give the same options to continue it, "
                "or another folder"
            )
        return True

    def begin_in(self, place: str) -> None:
        """Says what is written there, before anything is."""
        replace(f"{place}/{FILE}", (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode())


def channel_names(words: str) -> tuple[str, ...]:
    """`a,b` -> its channels in that order; `all` are the 16 inputs of the benchmark."""
    names = [name.strip() for name in words.split(",") if name.strip()]
    return INPUTS if names == ["all"] else tuple(names)


def _settings_in(content: bytes | None) -> dict[str, Any]:
    """What `export.json` says; nothing where it is not there, or not ours."""
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
