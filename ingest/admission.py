"""Which files a build takes in: none that would spoil the lake by a slip of the command that names them."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final

from datasets.errors import SplitError
from datasets.plural import noun, plural
from datasets.scene import Archive, SceneRecord
from ingest.source import is_ready_to_train, is_scene_name, is_uncharted, scene_id_of

TEST_SCENES: Final = frozenset(
    (
        "20180124T194759_dmi",
        "20180623T114935_cis",
        "20180707T113313_cis",
        "20180716T110418_cis",
        "20180903T123331_cis",
        "20180917T121813_cis",
        "20190406T102029_cis",
        "20190810T110422_dmi",
        "20191011T131651_cis",
        "20200217T102731_cis",
        "20200319T101935_cis",
        "20200701T114012_cis",
        "20200719T123046_cis",
        "20201013T080448_dmi",
        "20210328T202742_dmi",
        "20210410T201933_dmi",
        "20210430T205436_dmi",
        "20210506T075557_dmi",
        "20210512T214149_cis",
        "20211212T211242_dmi",
    )
)
"""The published test set: doi 10.11583/DTU.21762848, version 2; the names are those in `datalists/testset.json` of
github.com/echonax07/MMSeaIce (commit a847571). Test scenes of the first release are training scenes today."""


def check_admission(
    sources: Iterable[str], known: Mapping[str, SceneRecord], archive: Archive, *, replace: bool = False
) -> None:
    """Refuses a build that would train on a published test scene, or change what a scene of the lake is.

    Args:
        sources: Files to build; a name outside the grammar is left to its conversion.
        known: Scenes of the lake that readers see, by id.
        archive: Which archive the files are said to be from.
        replace: Lets files replace scenes that are of the other archive or product, or have charts.

    Raises:
        SplitError: In one sentence, with what to do.
    """
    given = {scene_id_of(path): PurePosixPath(path).name for path in sources if is_scene_name(path)}
    tested = sorted(given.keys() & TEST_SCENES) if archive == "train" else []
    if tested:
        raise SplitError(
            f"{len(tested)} of {plural(len(given), 'file')} {noun(len(tested), 'is', 'are')} of the published test "
            f"set, which is only ever scored (first: {given[tested[0]]!r}): build them with --split test, apart from "
            "training scenes"
        )
    changes = [
        (given[scene_id], change)
        for scene_id in sorted(given.keys() & known.keys())
        if (change := _change(known[scene_id], given[scene_id], archive))
    ]
    if changes and not replace:
        name, change = changes[0]
        raise SplitError(
            f"{len(changes)} of {plural(len(given), 'file')} would change what a scene of the lake is (first: "
            f"{name!r} {change}, or --replace if that is what you want"
        )


def _change(record: SceneRecord, name: str, archive: Archive) -> str:
    """What would become of a scene of the lake, and what to give instead; empty if it stays what it is."""
    product = "ready_to_train" if is_ready_to_train(name) else "raw"
    if record.archive != archive:
        if is_uncharted(record.source) and not is_uncharted(name):
            return (
                "has a chart and is a training scene today, the test scene there is a file of the first release "
                "without): leave it out"
            )
        return f"is a {record.archive} scene there and would be a {archive} scene): give --split {record.archive}"
    if record.product != product:
        return f"is of the {product} product, the scene there of {record.product}): give another --lake"
    if record.charted and is_uncharted(name):
        return "has no charts, the scene there has them): give the file with charts"
    return ""
