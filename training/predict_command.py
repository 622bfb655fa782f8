"""`python -m training predict`: maps of any scenes from checkpoints; with --leaderboard the class maps that are scored.

Heavy imports (torch, xarray) are inside the command.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, get_args

import typer

from datasets.class_colours import PALETTES, check_palette
from datasets.errors import IceBenchError, unknown_name
from datasets.grids import POLAR, pixel_spacing
from datasets.lake import Lake
from datasets.lake_argument import LAKE
from datasets.plural import plural
from datasets.process.machine import Device
from datasets.process.terminal import err, tell, tell_failure, user_errors
from datasets.scene import Split
from datasets.workers.command_options import MemoryLimit, Scheduler
from training.output_folder import refuse_unusable
from training.progress_bar import counting_bar, map_bar

if TYPE_CHECKING:
    from datasets.workers.cluster import ClusterOptions
    from training.prediction.predict_maps import Summary

_SPLITS: Final = (*get_args(Split), "all")

UPLOAD_NAME: Final = "upload_package.nc"
"""As the challenge's starter kit calls it."""


class PredictOptionError(IceBenchError, ValueError):
    """Options that do not go together."""


def predict(
    checkpoint: Annotated[
        list[str],
        typer.Option(
            help="best.pt of a trial, its folder, a run of MLflow (with --tracking-uri) or a trial_id (with "
            "--storage); several, such as the seeds of a study, predict together.",
            metavar="FILE|FOLDER|RUN|TRIAL ...",
        ),
    ],
    lake: Annotated[str, typer.Option(help="Any lake with the channels and the ratio of the trial.", envvar=LAKE)],
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the maps.", metavar="DIR")],
    scenes: Annotated[
        list[str] | None, typer.Option(help="Scenes by id, charted or not (without: all of --split).", metavar="ID ...")
    ] = None,
    split: Annotated[str, typer.Option(help=f"Scenes of a split: {', '.join(_SPLITS)}.")] = "all",
    part: Annotated[
        str,
        typer.Option(
            help="Only every Nth of these scenes, from the Kth on, so that N processes or machines fill one folder.",
            metavar="K/N",
        ),
    ] = "1/1",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Map scenes side by side in so many processes of this machine, one core and one scene each (without, "
            "and without --scheduler: one after the other, on all cores).",
        ),
    ] = None,
    scheduler: Scheduler = None,
    memory_limit: MemoryLimit = None,
    device: Annotated[
        Device,
        typer.Option(
            help="Compute on the CPU, on a GPU, or on a GPU where there is one. On Ray, each scene asks for a GPU then."
        ),
    ] = "auto",
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="zarr, netcdf, geotiff, png: one or several, with commas or spaces (without: zarr).",
            metavar="NAME ...",
        ),
    ] = None,
    crs: Annotated[str, typer.Option(help="Projection of warped GeoTIFF.", metavar="EPSG:N")] = POLAR,
    colours: Annotated[
        str,
        typer.Option(
            help="Colours of classes in png: safe for every kind of colour vision, or wmo, those of ice charts.",
            metavar="|".join(PALETTES),
        ),
    ] = "safe",
    upload: Annotated[
        bool,
        typer.Option(
            "--upload",
            help="Map the test scenes, and put all of them into upload_package.nc, the file of the AutoICE challenge: "
            "SIC, SOD and FLOE at 80 m.",
        ),
    ] = False,
    storage: Annotated[
        str, typer.Option(help="Folder or URL that a study was given with --storage.", metavar="URL")
    ] = "",
    tracking_uri: Annotated[
        str,
        typer.Option(
            help="MLflow that has the run: sqlite:///PATH/mlflow.db or http://HOST:5000.", envvar="MLFLOW_TRACKING_URI"
        ),
    ] = "",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace maps that something else made; those of the same checkpoints are kept."
        ),
    ] = False,
    leaderboard: Annotated[
        bool,
        typer.Option(
            "--leaderboard",
            help="Write only the class of every pixel, land too, of every test scene on the 80 m grid: what "
            "`python -m sweeps leaderboard --check` scores.",
        ),
    ] = False,
    target: Annotated[
        str | None, typer.Option(help="With --leaderboard: chart to write; without it the trial's first.")
    ] = None,
    ratio: Annotated[
        int | None,
        typer.Option(help="With --leaderboard: grid; without it the trial's fixed ratio: 2, which is 80 m.", min=1),
    ] = None,
) -> None:
    """Write maps of scenes: class, probability of every class and entropy, with latitude and longitude.

    Example: python -m training predict --checkpoint runs/TRIAL --lake data/lake --out maps --format zarr,geotiff

    A stopped command goes on where it was: finished maps are kept. docs/predict.md says what is in the files.
    """
    with user_errors(), tempfile.TemporaryDirectory(prefix="icebench-checkpoints-") as scratch:
        if split not in _SPLITS:
            raise unknown_name("split", split, _SPLITS)
        palette = check_palette(colours)
        _check_options(leaderboard, target, ratio, scenes, split)
        cluster = _workers(leaderboard, workers, scheduler, memory_limit, device)
        if upload:
            _check_upload(leaderboard, scenes, split, part)
            split = "test"
        refuse_unusable(out_folder)
        from training.prediction.checkpoints import find_checkpoint

        files = [
            find_checkpoint(given, Path(scratch), storage=storage, tracking_uri=tracking_uri) for given in checkpoint
        ]
        if leaderboard:
            _for_leaderboard(files, lake, out_folder, formats or ["zarr"], target, ratio, overwrite=overwrite)
            return
        from datasets.loading.node_cache import NodeCache
        from training.prediction.formats import Options, check_formats
        from training.prediction.map_folder import MapFolder
        from training.prediction.predict_maps import choose_scenes, predict_maps, share_of

        known = check_formats([*(["zarr"] if upload else []), *(formats or ["zarr"])])
        if "geotiff" in known:
            from training.prediction.geotiff import check_projection

            check_projection(crs)
        source = Lake.open(lake)
        chosen = share_of(choose_scenes(source, scenes or (), split), part)
        options = Options(crs=crs, colours=palette)
        folder = MapFolder(path=out_folder, formats=known, options=options, overwrite=overwrite)
        with map_bar() as show:
            summary = predict_maps(
                files,
                source,
                chosen,
                folder,
                cache=None if cluster else NodeCache.default(),
                on=cluster or device,
                progress=show,
            )
        _tell(summary, out_folder)
        if upload:
            from training.prediction.upload import RATIO, write_upload

            maps = [(out_folder / f"{row.scene_id}.zarr", (row.lines // RATIO, row.samples // RATIO)) for row in chosen]
            tell(f"written: {write_upload(maps, out_folder / UPLOAD_NAME)}")


def _check_options(
    leaderboard: bool, target: str | None, ratio: int | None, scenes: list[str] | None, split: str
) -> None:
    if not leaderboard and (target is not None or ratio is not None):
        raise PredictOptionError(
            "--target and --ratio are for --leaderboard: a map has all charts of the trial, on its own grid"
        )
    if leaderboard and (scenes or split not in ("all", "test")):
        raise PredictOptionError("--leaderboard is of all test scenes: leave out --scenes and --split")
    if scenes and split != "all":
        raise PredictOptionError("--scenes and --split both say which scenes: give one of them")


def _workers(
    leaderboard: bool, workers: int | None, scheduler: str | None, memory_limit: str | None, device: Device
) -> "ClusterOptions | None":
    """Those that make the maps; None where this process does."""
    if leaderboard and (workers, scheduler, memory_limit, device) != (None, None, None, "auto"):
        raise PredictOptionError(
            "--leaderboard maps one scene after the other in this process: leave out --workers, --scheduler, "
            "--memory-limit and --device"
        )
    if (workers, scheduler, memory_limit) == (None, None, None):
        return None
    from datasets.workers.cluster import ClusterOptions
    from datasets.workers.opening import check_workers

    options = ClusterOptions(workers=workers, memory_limit=memory_limit, scheduler=scheduler, device=device)
    check_workers(options)
    return options


def _check_upload(leaderboard: bool, scenes: list[str] | None, split: str, part: str) -> None:
    if leaderboard or scenes or split not in ("all", "test") or part != "1/1":
        raise PredictOptionError(
            "--upload is of all test scenes: leave out --leaderboard, --scenes, --split and --part"
        )
    if find_spec("netCDF4") is None:
        raise PredictOptionError("--upload needs netCDF4, which is not installed: pip install -e '.[ingest]'")


def _tell(summary: "Summary", folder: Path) -> None:
    for scene_id, sentence in summary.failed:
        tell_failure(scene_id, sentence)
    tell(
        f"written: {plural(len(summary.written), 'map')} in {folder}; {plural(len(summary.kept), 'was', 'were')} there "
        "already"
    )
    if summary.failed:
        tell(f"{plural(len(summary.failed), 'scene has', 'scenes have')} no map", err)
        raise typer.Exit(1)


def _for_leaderboard(
    files: list[Path],
    lake: str,
    folder: Path,
    formats: list[str],
    target: str | None,
    ratio: int | None,
    *,
    overwrite: bool,
) -> None:
    from datasets.loading.node_cache import NodeCache
    from training.evaluation.predict_scenes import predict_scenes
    from training.evaluation.prediction_files import check_kind

    if len(files) > 1 or len(formats) > 1:
        raise PredictOptionError(
            "--leaderboard is of one checkpoint and one --format, zarr or netcdf: give one of each"
        )
    kind, source = check_kind(formats[0]), Lake.open(lake)
    with counting_bar("scenes") as show:
        written = predict_scenes(
            files[0],
            source,
            folder,
            kind=kind,
            target=target,
            ratio=ratio,
            overwrite=overwrite,
            cache=NodeCache.default(),
            progress=show,
        )
    tell(
        f"written: {plural(len(written.paths), 'map')} of {written.chart} at {pixel_spacing(written.ratio)} m in "
        f"{folder}"
    )
