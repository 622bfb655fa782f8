"""`python -m ingest build`: raw scenes in, a lake out."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.lock import lock_lake
from datasets.process.terminal import err, out, progress, user_errors, whole_numbers


class ArchiveName(StrEnum):
    """Which archive raw files come from."""

    train = "train"
    test = "test"


class SarMean(StrEnum):
    """How SAR blocks are averaged."""

    db = "db"
    power = "power"


class ChartReduction(StrEnum):
    """How chart blocks are reduced."""

    max = "max"
    mode = "mode"


def build(
    raw: Annotated[
        list[str], typer.Argument(help="Raw netCDF files, or folders that hold them: paths or URLs.", metavar="RAW...")
    ],
    lake: Annotated[str, typer.Option(help="URL of the lake: a path, s3://, gs://, az://.", envvar="ICEBENCH_LAKE")],
    ratios: Annotated[
        list[str] | None,
        typer.Option(help="Downscale ratios to 40 m, one or more: --ratios 1 2 5 10 (or 1,2,5,10).", metavar="R ..."),
    ] = None,
    sar_mean: Annotated[
        SarMean, typer.Option(help="Mean of SAR blocks: of dB, as published, or of linear power.")
    ] = SarMean.db,
    chart_reduction: Annotated[
        ChartReduction, typer.Option(help="Class of a block: the largest, as published, or the commonest.")
    ] = ChartReduction.max,
    sar_precision: Annotated[
        float, typer.Option(help="Largest rounding error of SAR in dB; 0.01 saves a fifth of the bytes.", metavar="DB")
    ] = 0.0,
    split: Annotated[
        ArchiveName, typer.Option(help="The archive that the files are from: test scenes are only ever scored.")
    ] = ArchiveName.train,
    melt_maps: Annotated[
        Path | None,
        typer.Option(
            "--melt",
            metavar="FOLDER",
            help="Folder of the NASA melt maps: scenes get their cryospheric season too, as `python -m ingest melt` "
            "gives it.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes, one core and one scene each (without: as many as cores and memory allow).",
        ),
    ] = None,
    val_scenes: Annotated[
        int | None, typer.Option(min=1, help="Validation scenes (without: 18, at most an eighth of a small archive).")
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the draw of validation scenes.")] = 16,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            help="Memory of one worker, e.g. 3GB: above it a worker is restarted (without: a fair share). On Ray: what "
            "a scene reserves of its node (without: 3GB)."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Running Dask scheduler, tcp://host:8786, or Ray, ray:host:6379 or ray://host:10001: its workers are "
            "used and given our code. Plain `ray` joins the Ray that RAY_ADDRESS names or that runs here, else starts "
            "one."
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Build a lake of another recipe anew; readers see the old one until all its scenes are built.",
        ),
    ] = False,
    break_lock: Annotated[
        bool, typer.Option("--break-lock", help="Take the lake over from a build that is surely gone.")
    ] = False,
) -> None:
    """Build or complete a lake from raw scenes.

    Scenes that are there already are kept. A file that cannot be used is a line in the summary and exit code 1; the
    others are built all the same.
    """
    from ingest.build import SplitOptions, build_lake
    from ingest.cluster import ClusterOptions
    from ingest.melt.assign import check_years
    from ingest.melt.command import ask_melt_maps, tell_seasons
    from ingest.melt.maps import MeltMaps
    from ingest.melt.rule import DEFAULT_RULE
    from ingest.recipe import Recipe
    from ingest.source import find_sources

    seasons = None
    with user_errors():
        sources = find_sources(raw)
        recipe = Recipe.of(
            **({"ratios": whole_numbers(ratios)} if ratios else {}),
            sar_mean=sar_mean.value,
            chart_reduction=chart_reduction.value,
            sar_precision=sar_precision,
        )
        cluster = ClusterOptions(workers=workers, memory_limit=memory_limit, scheduler=scheduler)
        cluster.check()
        Lake.check_place(lake)
        maps = None if melt_maps is None else MeltMaps.open(melt_maps)
        with lock_lake(lake, break_lock=break_lock) as lock:
            target = Lake.create(lake, recipe.to_lake(), rebuild=rebuild)
            if maps is not None:
                check_years(maps, target, sources)
            with progress("building scenes", len(sources)) as advance:
                summary = build_lake(
                    sources,
                    recipe,
                    target,
                    split.value,
                    cluster=cluster,
                    split=SplitOptions(seed=split_seed, val_scenes=val_scenes),
                    on_scene=lambda path: advance(Path(path).name[:63]),
                    check_lock=lock.check,
                )
            if maps is not None and summary.catalog is not None:
                seasons = ask_melt_maps(Lake.open(lake), maps, DEFAULT_RULE, lock)
    for path, sentence in summary.failures:
        err.print(f"[red]failed[/red] {Path(path).name}", highlight=False, soft_wrap=True)
        err.print(f"  {sentence}", highlight=False, markup=False, soft_wrap=True)
    if summary.lost:
        err.print(
            f"{len(summary.lost)} scenes left the catalog, their stores are gone (first: {summary.lost[0]}): build "
            "them again from their raw files",
            highlight=False,
            soft_wrap=True,
        )
    if summary.catalog is not None:
        out.print(_splits(target, summary.catalog), highlight=False, soft_wrap=True)
    if seasons is not None:
        tell_seasons(seasons, DEFAULT_RULE)
    elif melt_maps is not None:
        out.print(
            "no scene was given its melt season: the lake is not whole yet, say --melt again then", soft_wrap=True
        )
    out.print(
        f"{len(summary.built)} of {len(sources)} scenes are in the lake {target.url}; "
        f"look with: python -m datasets show {target.url}",
        highlight=False,
        soft_wrap=True,
    )
    if summary.waiting:
        out.print(
            f"readers still see recipe {target.shown().recipe_digest}: {len(summary.waiting)} of its scenes are not "
            f"built with {target.recipe_digest} yet (first: {summary.waiting[0]}); give their raw files too, with "
            "--rebuild and the same options",
            highlight=False,
            soft_wrap=True,
        )
    if summary.failures or summary.waiting or summary.lost:
        raise typer.Exit(1)


def _splits(lake: Lake, catalog: Catalog) -> str:
    counts = Counter(str(record.split) for record in catalog)
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"the lake has {told} scenes; ratios {', '.join(map(str, lake.ratios))}; recipe {lake.recipe_digest}"
