"""Where raw scenes come from: file names that say what they are, and folders or URLs that hold them.

First step of a build: `find_sources` -> `scene_id_of` -> `ingest.convert.convert_scene`. Raw names say everything; the
names of the ready-to-train product only name the scene, and the rest is in the file (`ingest.ready_to_train`).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from datasets.access import absolute, is_url, plain
from datasets.prefixes import names
from datasets.seasons import REGIONS
from datasets.storage import exists
from ingest.errors import NoSourceError, SceneNameError

Provider = Literal["dmi", "cis"]

_NAME = re.compile(
    r"(?P<satellite>S1[AB])_EW_GRDM_1SDH_(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})"
    r"_(?P<orbit>\d{6})_(?P<take>[0-9A-F]{6})_(?P<product>[0-9A-F]{4})_icechart_"
    r"(?P<chart>dmi_\d{12}_(?P<dmi_region>[A-Za-z]+)_RIC|cis_(?P<cis_region>SGRDI[A-Z]+)_\d{8}T\d{4}Z_pl_a)"
    r"(?P<suffix>_testdata)?\.nc"
)
_READY = re.compile(r"(?P<scene>\d{8}T\d{6}_(dmi|cis))_prep\.nc")
_REFERENCE = "_prep_reference.nc"
_EXAMPLE = (
    "S1A_EW_GRDM_1SDH_20180721T120156_20180721T120256_022892_027B98_56D9_icechart_cis_SGRDIMID_20180721T1203Z_pl_a.nc"
)


@dataclass(frozen=True, kw_only=True)
class SceneName:
    """What a raw file name says (grammar: 532 of 532 listed names, AI4Arctic file lists).

    Attributes:
        start: Acquisition start, UTC.
        stop: Acquisition stop, UTC.
        satellite: `S1A` or `S1B`.
        orbit: Absolute orbit number; frames of one pass share it.
        provider: Ice service that drew the chart.
        region: Ice-chart region, one of `datasets.seasons.REGIONS`.
        upstream_id: Sentinel-1 product name.
        icechart_id: Name of the ice chart.
    """

    start: datetime
    stop: datetime
    satellite: str
    orbit: int
    provider: Provider
    region: str
    upstream_id: str
    icechart_id: str

    @property
    def scene_id(self) -> str:
        """Start and provider, `20180325T194759_dmi`; the start alone is not unique in the archive."""
        return f"{self.start:%Y%m%dT%H%M%S}_{self.provider}"

    @property
    def file_name(self) -> str:
        """The raw file name that `parse_name` reads back."""
        return f"{self.upstream_id}_icechart_{self.icechart_id}.nc"


def parse_name(path: str) -> SceneName:
    """Reads a raw file name; folders before it are ignored.

    Raises:
        SceneNameError: The name does not follow the grammar, or names an unknown ice-chart region.
    """
    name = PurePosixPath(path).name
    match = _NAME.fullmatch(name)
    if match is None:
        raise SceneNameError(
            f"{name!r} is not an AI4Arctic raw file name: expected the form {_EXAMPLE!r} (or "
            "'20180721T120156_cis_prep.nc' of the ready-to-train product); keep the archive's names, time and region "
            "are read from them"
        )
    region = match["dmi_region"] or match["cis_region"]
    if region not in REGIONS:
        raise SceneNameError(
            f"{name!r} names the ice-chart region {region!r}: known are {', '.join(REGIONS)}; "
            "add the region to datasets/seasons.py if it is new"
        )
    return SceneName(
        start=_utc(match["start"], name),
        stop=_utc(match["stop"], name),
        satellite=match["satellite"],
        orbit=int(match["orbit"]),
        provider="dmi" if match["dmi_region"] else "cis",
        region=region,
        upstream_id=name.split("_icechart_")[0],
        icechart_id=match["chart"],
    )


def scene_id_of(path: str) -> str:
    """Scene id by the name of a raw or a ready-to-train file (`20180325T194759_dmi_prep.nc`), without opening it.

    Raises:
        SceneNameError: The name follows neither grammar.
    """
    match = _READY.fullmatch(PurePosixPath(path).name)
    return match["scene"] if match is not None else parse_name(path).scene_id


def is_scene_name(path: str) -> bool:
    """Whether a file has the name of a scene."""
    try:
        scene_id_of(path)
    except SceneNameError:
        return False
    return True


def is_ready_to_train(path: str) -> bool:
    """Whether a name is that of the ready-to-train product."""
    return _READY.fullmatch(PurePosixPath(path).name) is not None


def is_uncharted(path: str) -> bool:
    """Whether a name is that of the first test release, whose raw files have no charts."""
    return path.endswith("_testdata.nc")


def is_reference(path: str) -> bool:
    """Whether a name is that of the charts of a ready-to-train test scene."""
    return path.endswith(_REFERENCE)


def reference_path(path: str) -> str:
    """Where the charts of a ready-to-train test file lie, if they are there: beside it."""
    return f"{path.removesuffix('.nc')}_reference.nc"


def find_sources(raw: list[str]) -> list[str]:
    """Lists scenes: a file is one scene, a folder gives the `*.nc` files in it, sorted by name; hidden ones are none.

    Both may be at a URL (s3://, gs://, https:// of a server that lists its folders). Paths come out absolute, since
    workers have other working folders. Reference files (`*_prep_reference.nc`) are no scenes: they are read with the
    scene that they lie beside.

    Raises:
        NoSourceError: A path does not exist, is a reference file, or a folder holds no scene.
        LakeAccessError: The store of a URL cannot be reached.
    """
    found: list[str] = []
    for given in map(plain, raw):
        name = given.rstrip("/").rpartition("/")[2]
        if name.startswith(".") and name.endswith(".nc"):
            raise NoSourceError(f"{given!r} is a hidden file that a system or a program left, no scene: leave it out")
        if is_reference(name):
            raise NoSourceError(
                f"{given!r} holds the charts of a scene, not the scene: give the file "
                f"'{name.replace('_reference', '')}' beside it"
            )
        place = absolute(given) if is_url(given) else str(Path(given).absolute())
        if exists(place) and (name.endswith(".nc") or not is_url(given)):  # a web server's folder is a page
            found.append(place)
            continue
        if not is_url(given) and not Path(given).exists():
            raise NoSourceError(f"{given!r} does not exist: give raw netCDF files or a folder that holds them")
        inside = [each for each in names(place) if each.endswith(".nc") and not is_reference(each)]
        if not inside:
            raise NoSourceError(
                f"the folder {given!r} holds no *.nc file: give the folder of the unpacked archive, "
                "or make scenes with `python -m ingest sample`"
            )
        found += [f"{place}/{each}" for each in inside]
    return list(dict.fromkeys(found))


def _utc(text: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise SceneNameError(f"{name!r} holds the time {text!r}, which is no date: check the file name") from error
