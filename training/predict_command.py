"""`python -m training predict`: class maps of all test scenes from a checkpoint.

Heavy imports (torch, xarray) are inside the command.
"""

from pathlib import Path
from typing import Annotated

import typer

from datasets.grids import pixel_spacing
from datasets.lake import Lake
from datasets.process.terminal import out, user_errors
from training.progress_bar import counting_bar


def predict(
    checkpoint: Annotated[
        Path, typer.Option(help="best.pt of a finished trial, or the trial's folder.", metavar="FILE|FOLDER")
    ],
    lake: Annotated[str, typer.Option(help="The lake that it was trained on.", envvar="ICEBENCH_LAKE")],
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for one map per test scene.", metavar="DIR")],
    kind: Annotated[str, typer.Option("--format", help="zarr or netcdf.")] = "zarr",
    target: Annotated[str | None, typer.Option(help="Chart to write; without it the trial's first.")] = None,
    ratio: Annotated[
        int | None, typer.Option(help="Grid of the maps; without it the trial's fixed ratio: 2, which is 80 m.", min=1)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace maps that are there.")] = False,
) -> None:
    """Write the class of every pixel of every test scene, one file per scene.

    Example: python -m training predict --checkpoint runs/TRIAL/best.pt --lake data/lake --out predictions

    docs/models.md says what is in the files; python -m sweeps leaderboard --check scores them.
    """
    with user_errors():
        from datasets.loading.node_cache import NodeCache
        from training.evaluation.predict_scenes import predict_scenes
        from training.evaluation.prediction_files import check_kind

        known_kind, source = check_kind(kind), Lake.open(lake)
        with counting_bar("scenes") as show:
            written = predict_scenes(
                checkpoint,
                source,
                out_folder,
                kind=known_kind,
                target=target,
                ratio=ratio,
                overwrite=overwrite,
                cache=NodeCache.default(),
                progress=show,
            )
    out.print(
        f"written: {len(written.paths)} maps of {written.chart} at {pixel_spacing(written.ratio)} m in {out_folder}",
        highlight=False,
        soft_wrap=True,
    )
