"""Command line of the ingest side: `python -m ingest sample | build`."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.terminal import SeveralValues, err, out, progress, user_errors, whole_numbers
from ingest.download.command import download

app = typer.Typer(
    help="From raw AI4Arctic netCDF to the lake: one chunked Zarr store a scene and one catalog.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class ArchiveName(StrEnum):
    """Which archive raw files come from."""

    train = "train"
    test = "test"


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; made if it is not there.")],
    scenes: Annotated[int, typer.Option(help="Number of scenes.")] = 8,
    lines: Annotated[int, typer.Option(help="SAR lines of a 60 s scene; 10000 is full size.")] = 1000,
    samples: Annotated[int, typer.Option(help="SAR samples; 10400 is full size.")] = 1040,
    seed: Annotated[int, typer.Option(help="Same seed, same scenes.")] = 0,
) -> None:
    """Write synthetic raw scenes that have everything a real file has.

    Some scenes are shorter acquisitions with fewer lines, as in the archive.
    """
    from ingest.sample import write_samples

    with user_errors(), progress("writing scenes", scenes) as advance:
        paths = write_samples(
            folder,
            scenes=scenes,
            lines=lines,
            samples=samples,
            seed=seed,
            on_written=lambda path: advance(path.name[17:32]),
        )
    out.print(f"{len(paths)} raw scenes in {folder}")


@app.command(cls=SeveralValues)
def build(
    raw: Annotated[list[str], typer.Argument(help="Raw netCDF files, or folders that hold them.", metavar="RAW...")],
    lake: Annotated[str, typer.Option(help="URL of the lake: a path, s3://, gs://, az://.", envvar="ICEBENCH_LAKE")],
    ratios: Annotated[
        list[str] | None,
        typer.Option(help="Downscale ratios to 40 m, one or more: --ratios 1 2 5 10 (or 1,2,5,10).", metavar="R ..."),
    ] = None,
    split: Annotated[
        ArchiveName, typer.Option(help="The archive that the files are from: test scenes are only ever scored.")
    ] = ArchiveName.train,
    workers: Annotated[int, typer.Option(min=1, help="Processes; each holds one scene in memory.")] = 1,
    val_scenes: Annotated[
        int | None, typer.Option(min=1, help="Validation scenes (without: 18, at most an eighth of a small archive).")
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the draw of validation scenes.")] = 16,
) -> None:
    """Build or complete a lake from raw scenes.

    Scenes that are there already are kept. A file that cannot be used is a line in the summary and exit code 1; the
    others are built all the same.
    """
    from ingest.build import SplitOptions, build_lake
    from ingest.recipe import Recipe
    from ingest.source import find_sources

    with user_errors():
        sources = find_sources(raw)
        recipe = Recipe.of(ratios=whole_numbers(ratios)) if ratios else Recipe()
        target = Lake.create(lake, recipe.to_lake())
        with progress("building scenes", len(sources)) as advance:
            summary = build_lake(
                sources,
                recipe,
                target,
                split.value,
                workers=workers,
                split=SplitOptions(seed=split_seed, val_scenes=val_scenes),
                on_scene=lambda path: advance(Path(path).name[17:32]),
            )
    for path, sentence in summary.failures:
        err.print(f"[red]failed[/red] {Path(path).name}", highlight=False, soft_wrap=True)
        err.print(f"  {sentence}", highlight=False, markup=False, soft_wrap=True)
    if summary.catalog is not None:
        out.print(_split_table(target, summary.catalog))
    out.print(
        f"{len(summary.built)} of {len(sources)} scenes are in the lake {target.url}; "
        f"look with: python -m datasets show {target.url}",
        highlight=False,
        soft_wrap=True,
    )
    if summary.failures:
        raise typer.Exit(1)


def _split_table(lake: Lake, catalog: Catalog) -> Table:
    table = Table(title=f"ratios {', '.join(map(str, lake.ratios))} · recipe {lake.recipe_digest}")
    counts = Counter(str(record.split) for record in catalog)
    for name in counts:
        table.add_column(name, justify="right")
    table.add_row(*(str(count) for count in counts.values()))
    return table


app.command("download")(download)


if __name__ == "__main__":
    app()
