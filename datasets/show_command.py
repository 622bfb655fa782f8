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
        typer.Option(help="Also draw the scene into this picture: SAR, incidence angle, ice charts.", metavar="FILE"),
    ] = None,
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
        if scene is None and (png is not None or ratio is not None):
            raise typer.BadParameter("--png and --ratio draw one scene: name it after the lake")
        if png is None and (ratio is not None or colours is not None):
            raise typer.BadParameter("--ratio and --colours are of a picture: say --png FILE too")
        opened = Lake.open(lake)
        catalog = opened.catalog()
        if scene is None:
            print_lake(opened, catalog)
        else:
            print_scene(opened, catalog[scene], opened.scene(scene), png, ratio or opened.ratios[0], palette)
