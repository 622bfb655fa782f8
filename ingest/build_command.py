"""`python -m ingest build`: raw scenes in, a lake out."""

import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.lake_argument import LAKE
from datasets.lock import check_unlocked, lock_lake
from datasets.plural import noun, plural
from datasets.process.terminal import err, progress, tell, tell_failure, user_errors, whole_numbers
from datasets.scene import Archive, SceneRecord
from datasets.splits import SPLIT_SEED, WITHDRAWN
from datasets.workers.command_options import MemoryLimit, Scheduler, WorkerCount
from ingest.download.listing import DEFAULT_URL
from ingest.lock_option import BreakLock
from ingest.recipe import Recipe
from ingest.source import is_uncharted

_USUAL: Final = Recipe()


def build(
    raw: Annotated[
        list[str],
        typer.Argument(
            help="Scenes: netCDF files, zip archives of them, or folders of either, as paths or URLs; or "
            "figshare:raw-train, figshare:raw-test, figshare:rtt-train, figshare:rtt-test, the published archives.",
            metavar="RAW...",
        ),
    ],
    lake: Annotated[str, typer.Option(help="URL of the lake: a path, s3://, gs://, az://.", envvar=LAKE)],
    ratios: Annotated[
        list[str] | None,
        typer.Option(help="Downscale ratios to 40 m: --ratios 2 5 10 or 2,5,10 (without: these).", metavar="R ..."),
    ] = None,
    sar_mean: Annotated[
        Literal["db", "power"], typer.Option(help="Mean of SAR blocks: of dB, as published, or of linear power.")
    ] = _USUAL.sar_mean,
    chart_reduction: Annotated[
        Literal["max", "mode"], typer.Option(help="Class of a block: the largest, as published, or the commonest.")
    ] = _USUAL.chart_reduction,
    dominance: Annotated[
        tuple[float, float],
        typer.Option(
            help="Share of the ice from which a stage of development names a polygon, and from which a floe size does; "
            "0.7 0.5 in the first release of AI4Arctic.",
            metavar="SOD FLOE",
        ),
    ] = _USUAL.dominance,
    sar_precision: Annotated[
        float,
        typer.Option(help="Largest rounding error of SAR in dB; 0.01 saves a quarter of the bytes.", metavar="DB"),
    ] = _USUAL.sar_precision,
    split: Annotated[
        Archive | None,
        typer.Option(
            help="The archive that the files are from: test scenes are only ever scored, and those of none, to apply "
            "networks to, are predict: no trial reads them (without: that of the name after figshare:, else train).",
            show_default=False,
        ),
    ] = None,
    melt_maps: Annotated[
        Path | None,
        typer.Option(
            "--melt",
            metavar="FOLDER",
            help="Folder of the NASA melt maps: scenes get their cryospheric season too, as `python -m ingest melt` "
            "gives it.",
        ),
    ] = None,
    workers: WorkerCount = None,
    val_scenes: Annotated[
        int | None, typer.Option(min=1, help="Validation scenes (without: 18, at most an eighth of a small archive).")
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the draw of validation scenes.")] = SPLIT_SEED,
    apart: Annotated[
        str,
        typer.Option(
            help="Leave out training scenes nearer to a test scene than this, in both, such as 200,10 (without: those "
            "of its orbit pass only). `python -m datasets leaks` shows distances.",
            metavar="KM,DAYS",
        ),
    ] = "",
    memory_limit: MemoryLimit = None,
    scheduler: Scheduler = None,
    scratch: Annotated[
        str,
        typer.Option(
            help="Most bytes that scenes from zip archives and URLs take on the disk for temporary files (TMPDIR) of "
            "each machine, while they are converted.",
            metavar="SIZE",
        ),
    ] = "20GB",
    connections: Annotated[
        int, typer.Option(min=1, help="Most requests of each machine to archives at the same time.")
    ] = 8,
    base_url: Annotated[
        str, typer.Option(help="Root of the figshare interface for figshare:NAME.", envvar="ICEBENCH_ARCHIVE_URL")
    ] = DEFAULT_URL,
    include_withdrawn: Annotated[
        bool,
        typer.Option(
            "--include-withdrawn",
            help="Train on scenes that their authors have withdrawn; without, they are in the lake and unused.",
        ),
    ] = False,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Build a lake of another recipe again; readers see the old one until all its scenes are built.",
        ),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Let files replace scenes of the lake that are of the other archive or product."
        ),
    ] = False,
    break_lock: BreakLock = False,
) -> None:
    """Build or complete a lake from raw scenes.

    Scenes that are there already are kept. A file that cannot be used is a line in the summary and exit code 1; the
    others are built all the same. Archives need not be downloaded or unzipped: each worker fetches the scene that it
    converts next, checks it, and removes it afterwards, so no more than --scratch lies on the disk beside the lake.
    """
    from datasets.leaks import Apart
    from datasets.workers.cluster import ClusterOptions
    from datasets.workers.opening import check_workers
    from ingest.build import SplitOptions, build_lake, check_build
    from ingest.melt.assign import check_rule, check_years
    from ingest.melt.command import ask_melt_maps, tell_seasons
    from ingest.melt.maps import MeltMaps
    from ingest.melt.rule import DEFAULT_RULE
    from ingest.stream.find import archive_of, find_scenes
    from ingest.stream.space import Space

    seasons = None
    with user_errors(), Space(lake, scratch, connections, on_cluster=scheduler is not None) as space:
        recipe = Recipe.of(
            **({"ratios": whole_numbers(ratios)} if ratios else {}),
            sar_mean=sar_mean,
            chart_reduction=chart_reduction,
            dominance=dominance,
            sar_precision=sar_precision,
        )
        cluster = ClusterOptions(workers=workers, memory_limit=memory_limit, scheduler=scheduler)
        check_workers(cluster)
        options = SplitOptions(
            seed=split_seed,
            val_scenes=val_scenes,
            include_withdrawn=include_withdrawn,
            apart=Apart.parse(apart) if apart else None,
        )
        archive = archive_of(raw, split)  # all that a server need not be asked for, since it may take hours
        Lake.check_place(lake, recipe.to_lake(), rebuild=rebuild)
        if not break_lock:
            check_unlocked(lake)
        maps = None if melt_maps is None else MeltMaps.open(melt_maps)
        if maps is not None:
            check_rule(lake)
        found = find_scenes(raw, base_url=base_url, fetch_whole=space.fetch_whole)
        if space.whole:
            tell(space.told(), err)
        sources = found.paths
        check_build(sources, lake, archive, split=options, replace=replace)
        space.check(found.files.values())
        if maps is not None:
            check_years(maps, lake, sources)
        with lock_lake(lake, break_lock=break_lock) as lock, space.emptied():
            target = Lake.create(lake, recipe.to_lake(), rebuild=rebuild)
            with progress("building scenes", len(sources)) as advance:
                summary = build_lake(
                    sources,
                    recipe,
                    target,
                    archive,
                    cluster=cluster,
                    split=options,
                    on_scene=lambda path: advance(Path(path).name[:63]),
                    check_lock=lock.check,
                    fetched=found.files,
                    refused=found.refused,
                    scratch=space.scratch,
                )
            if maps is not None and summary.catalog is not None:
                seasons = ask_melt_maps(Lake.open(lake), maps, DEFAULT_RULE, lock, earlier="keep")
    for path, sentence in summary.failures:
        tell_failure(Path(path).name, sentence)
    if summary.lost:
        tell(
            f"{plural(len(summary.lost), 'scene')} left the catalog, "
            f"{noun(len(summary.lost), 'its store is', 'their stores are')} gone (first: {summary.lost[0]}): build "
            "again from the raw files",
            err,
        )
    if summary.resplit:
        first = summary.resplit[0]
        tell(
            f"{plural(len(summary.resplit), 'scene')} that {noun(len(summary.resplit), 'was', 'were')} in the lake "
            f"{noun(len(summary.resplit), 'is', 'are')} of another split now (first: {first.scene_id} is "
            f"{first.split}): new scenes and another --split-seed or --val-scenes draw the validation scenes anew",
            err,
        )
    if summary.catalog is not None:
        tell(_splits(target, summary.catalog))
        _tell_unused(summary.catalog, summary.built)
    if seasons is not None:
        tell_seasons(seasons, DEFAULT_RULE)
    elif melt_maps is not None:
        tell("no scene was given its melt season: the lake is not whole yet, say --melt again then")
    tell(
        f"{len(summary.built)} of {plural(len(sources), 'scene')} {noun(len(summary.built), 'is', 'are')} in the lake "
        f"{target.url}; "
        f"look with: python -m datasets show {shlex.quote(target.url)}"
    )
    if summary.waiting:
        tell(
            f"readers still see recipe {target.shown().recipe_digest}: {len(summary.waiting)} of its scenes "
            f"{noun(len(summary.waiting), 'is', 'are')} not built with {target.recipe_digest} yet (first: "
            f"{summary.waiting[0]}); give their raw files too, with --rebuild and the same options"
        )
    if summary.failures or summary.waiting or summary.lost:
        raise typer.Exit(1)


def _splits(lake: Lake, catalog: Catalog) -> str:
    counts = Counter(catalog.column("split").tolist())
    told, ratios = ", ".join(f"{count} {name}" for name, count in counts.items()), ", ".join(map(str, lake.ratios))
    return f"the lake has {told} {noun(len(catalog), 'scene')}; ratios {ratios}; recipe {lake.recipe_digest}"


def _tell_unused(catalog: Catalog, built: Iterable[SceneRecord]) -> None:
    """Scenes that are known by name: withdrawn ones, and those of the first test release."""
    for record in catalog.take([scene_id in WITHDRAWN for scene_id in catalog.scene_ids]):
        if record.unused:
            tell(f"{record.scene_id} is unused: {record.unused} (--include-withdrawn takes it)")
    first = [record.source for record in built if is_uncharted(record.source)]
    if first:
        tell(
            f"{plural(len(first), 'file is', 'files are')} of the first test release, without charts (first: "
            f"{first[0]}): kept for prediction and never scored; today raw-train has these scenes for training, with "
            "charts"
        )
