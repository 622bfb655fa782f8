"""`python -m datasets export`: patches of a lake as files for other people's tools."""

from typing import Annotated, get_args

import typer

from datasets.lake_argument import LakeArgument
from datasets.plural import noun, plural
from datasets.process.terminal import err, progress, tell, user_errors


def export(
    lake: LakeArgument,
    place: Annotated[
        str, typer.Argument(help="Where the export goes: a folder of its own, or s3://BUCKET/PREFIX.", metavar="DIR")
    ],
    ratio: Annotated[int, typer.Option(help="Pixels of 40 m times R.", metavar="R", min=1)] = 2,
    patch: Annotated[int, typer.Option(help="Side of a patch in pixels.", metavar="N", min=1)] = 512,
    stride: Annotated[
        int | None, typer.Option(help="Pixels from patch to patch [default: side of a patch].", metavar="N", min=1)
    ] = None,
    channels: Annotated[
        str,
        typer.Option(help="Bands in order, with commas; `all` are the 16 inputs of the benchmark.", metavar="A,B"),
    ] = "nersc_sar_primary,nersc_sar_secondary",
    target: Annotated[str, typer.Option(help="Chart of the masks: SIC, SOD or FLOE.", metavar="CHART")] = "SOD",
    format: Annotated[str, typer.Option(help="Of the files: geotiff, npz or zarr.", metavar="WORD")] = "geotiff",
    split: Annotated[str, typer.Option(help="Which scenes, with commas.", metavar="A,B")] = "train,val,test",
    max_masked: Annotated[
        float, typer.Option(help="Largest share of unlabelled pixels of a patch.", metavar="SHARE", min=0, max=1)
    ] = 0.9,
    no_data: Annotated[
        str,
        typer.Option(help="What stands where a channel has no data: its mean, or nan.", metavar="WORD"),
    ] = "mean",
    limit: Annotated[int | None, typer.Option(help="Patches of a split at most, drawn.", metavar="N", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Of the draw.", metavar="N", min=0)] = 0,
) -> None:
    """Write patches of a lake as images and masks that other programs read.

    DIR/SPLIT/images and DIR/SPLIT/masks hold one file for each patch, of the same name: channels in physical units as
    float32, classes as uint8 with 255 for no label. Beside them are a table of the patches, mean and deviation of every
    channel over the training scenes, and the classes; for GeoTIFF also the data sections of TerraTorch and PANGAEA.
    The same command continues an export that was stopped.
    """
    from datasets.errors import unknown_name
    from datasets.export.run import export as write  # numpy, zarr: not for --help
    from datasets.export.settings import ExportSettings, Format, channel_names
    from datasets.lake import Lake

    with user_errors():
        for kind, word, known in (("format", format, get_args(Format)), ("word for no data", no_data, ("mean", "nan"))):
            if word not in known:
                raise unknown_name(kind, word, known)
        opened = Lake.open(lake)
        settings = ExportSettings(
            lake=opened.digest,
            ratio=ratio,
            patch=patch,
            stride=stride or patch,
            channels=channel_names(channels),
            target=target,
            format=format,
            splits=tuple(dict.fromkeys(name.strip() for name in split.split(","))),
            max_masked=max_masked,
            no_data=no_data,
            limit=limit,
            seed=seed,
        )
        found = write(opened, place, settings, progress)
    if found.kept:
        tell(f"finished by an earlier run: {plural(found.kept, 'scene')}")
    if found.too_small:
        tell(
            f"smaller than a patch, and left out: {plural(len(found.too_small), 'scene')} (first: "
            f"{found.too_small[0]})",
            err,
        )
    counts = {name: len(patches) for name, patches in found.patches.items()}
    numbers = ", ".join(f"{count} {name}" for name, count in counts.items())
    tell(
        f"{numbers} {noun(sum(counts.values()), 'patch', 'patches')} of {patch} x {patch} pixels in {place}; their "
        f"table is {place.rstrip('/')}/patches.csv"
    )
