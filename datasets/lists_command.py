"""`python -m datasets lists`: the scene lists of IceBench, and how they agree with published ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from datasets.lake_argument import LakeArgument
from datasets.plural import plural
from datasets.process.terminal import out, user_errors

if TYPE_CHECKING:
    from datasets.lists import Comparison


def lists(
    lake: LakeArgument,
    folder: Annotated[Path, typer.Argument(help="Folder for the lists; made if it is not there.", metavar="FOLDER")],
    compare_with: Annotated[
        Path | None, typer.Option("--compare", help="Folder of published lists to compare with.", metavar="FOLDER")
    ] = None,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published", help="Also put scenes without a season into TwoSeasons_cat1 to cat4, as IceBench did."
        ),
    ] = False,
) -> None:
    """Write which training scenes each study of IceBench used: 15 lists, by melt season and location.

    Each is a JSON list of raw file names, {season}_{location}_train_files.json, as the published benchmark has them.
    The lake needs melt seasons: `python -m ingest melt` adds them. With --compare, differences from published lists
    are printed; they are not a failure.
    """
    from datasets.lake import Lake  # pandas, zarr: not for --help
    from datasets.lists import compare, read_lists, season_lists, write_lists

    with user_errors():
        catalog = Lake.open(lake).catalog()
        ours = season_lists(catalog, as_published=as_published)
        theirs = read_lists(compare_with) if compare_with is not None else None
        paths = write_lists(ours, folder)
    out.print(f"{plural(len(paths), 'list')} in {folder}", highlight=False, soft_wrap=True)
    if theirs is not None:
        _print_comparison(compare(catalog, ours, theirs))


def _print_comparison(found: "Comparison") -> None:
    from datasets.lists import SEASON_WORDS, UNLISTED

    table = Table(title="agreement of the lists")
    table.add_column("list", no_wrap=True)
    for name in ("both", "only ours", "only theirs", "not in lake", "Jaccard"):
        table.add_column(name, justify="right")
    for row in found.agreements:
        counts = (row.both, row.only_ours, row.only_theirs, row.not_in_lake)
        table.add_row(row.name.removesuffix("_train_files.json"), *map(str, counts), f"{row.jaccard:.3f}")
    out.print(table)
    seasons = Table(title="training scenes of the lake by season")
    words = (*SEASON_WORDS, UNLISTED)
    for name in ("ours", *(f"theirs: {word}" for word in words)):
        seasons.add_column(name, justify="right")
    for mine in SEASON_WORDS:
        seasons.add_row(mine, *(str(found.confusion[mine, word]) for word in words))
    out.print(seasons)
    if found.disagreements:
        scenes = Table(title=f"{plural(len(found.disagreements), 'scene')} with another season")
        for name in ("scene", "region", "location", "ours", "theirs"):
            scenes.add_column(name, no_wrap=True)
        for scene in found.disagreements:
            scenes.add_row(scene.scene_id, scene.region, scene.location, scene.ours, scene.theirs)
        out.print(scenes)
