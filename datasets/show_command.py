"""`python -m datasets show`: a lake in numbers, its scenes, or one scene on a page and as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from datasets.class_colours import PALETTES, check_palette
from datasets.lake_argument import LakeArgument
from datasets.process.terminal import user_errors


def show(
    lake: LakeArgument,
    scene: Annotated[
        str | None,
        typer.Argument(help="Show this scene only: its id from the list, e.g. 20180325T194759_dmi.", metavar="[SCENE]"),
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option(
            help="Also draw a picture: of a scene SAR, incidence angle and ice charts; of a lake where its scenes are "
            "and which classes they have.",
            metavar="FILE",
        ),
    ] = None,
    on_map: Annotated[
        bool, typer.Option("--map", help="Draw the scene in its place on a polar map: SAR and stage of development.")
    ] = False,
    ratio: Annotated[
        int | None,
        typer.Option(help="Draw from pixels of 40 m times R (without: the finest of the lake).", metavar="R", min=1),
    ] = None,
    colours: Annotated[
        str | None,
        typer.Option(
            help="Colours of classes: safe for every kind of colour vision (the default), or wmo, those of ice charts.",
            metavar="|".join(PALETTES),
        ),
    ] = None,
) -> None:
    """Print what is in a lake, or one of its scenes.

    A lake is what `python -m ingest build` makes of the AI4Arctic files: scenes of Sentinel-1 radar (SAR) with ice
    charts, weather and passive microwave channels. Of a lake you see how many scenes and how much of each ice class
    are for training and testing, then one line per scene.
    """
    from datasets.lake import Lake  # pandas, zarr: not for --help
    from datasets.show_page import print_lake, print_scene

    with user_errors():
        palette = check_palette(colours or "safe")
        words = (("--ratio", ratio is not None), ("--map", on_map), ("--colours", colours is not None))
        given = [word for word, value in words if value]
        if given and png is None:
            raise typer.BadParameter(f"{given[0]} is of a picture: say --png FILE too")
        if scene is None and given and given[0] != "--colours":
            raise typer.BadParameter(f"{given[0]} is of the picture of one scene: name it after the lake")
        if on_map and ratio is not None:
            raise typer.BadParameter("--map chooses its ratio itself: leave out --ratio")
        opened = Lake.open(lake)
        catalog = opened.catalog()
        if scene is None:
            print_lake(opened, catalog, png, palette)
        else:
            drawn_from = None if on_map else ratio or opened.ratios[0]
            print_scene(opened, catalog[scene], opened.scene(scene), png, drawn_from, palette)
