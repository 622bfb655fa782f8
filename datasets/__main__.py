"""Command line of the lake: `python -m datasets show LAKE [SCENE]`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from datasets.catalog import Catalog
from datasets.grids import pixel_spacing
from datasets.labels import CHARTS, IGNORE
from datasets.lake import Lake
from datasets.lists_command import lists
from datasets.process.terminal import out, user_errors
from datasets.scene import SceneRecord

app = typer.Typer(
    help="Look into a lake of AI4Arctic scenes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def show(
    lake: Annotated[str, typer.Argument(help="URL of the lake: a path, s3://, gs://, az://.", envvar="ICEBENCH_LAKE")],
    scene: Annotated[str | None, typer.Argument(help="Scene id, e.g. 20180325T194759_dmi.")] = None,
    png: Annotated[
        Path | None, typer.Option(help="Also draw the scene here: SAR, incidence angle and charts.", metavar="FILE")
    ] = None,
    ratio: Annotated[
        int | None, typer.Option(help="Grid to draw from (without: the finest that the lake has).", metavar="R")
    ] = None,
) -> None:
    """Print the catalog of a lake, or one scene: its record, its classes and its variables."""
    with user_errors():
        opened = Lake.open(lake)
        catalog = opened.catalog()
        if scene is None and (png is not None or ratio is not None):
            raise typer.BadParameter("--png and --ratio draw one scene: name it after the lake")
        if scene is None:
            out.print(_catalog_table(opened, catalog))
            return
        record = catalog[scene]
        out.print(_record_table(record))
        out.print(_class_table(record))
        out.print(_variable_table(opened, record))
        out.print(
            f'xarray.open_zarr("{opened.scene_url(scene)}", group="r{opened.ratios[0]}")',
            highlight=False,
            soft_wrap=True,
        )
        if png is not None:
            _draw(opened, scene, png, ratio or opened.ratios[0])


def _draw(lake: Lake, scene_id: str, path: Path, ratio: int) -> None:
    from datasets.pictures import scene_sheet  # matplotlib is slow to import

    figure = scene_sheet(lake.scene(scene_id), ratio)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    figure.savefig(part, dpi=130, format=path.suffix.lstrip(".") or "png")
    part.replace(path)
    out.print(f"drawn: {path}", highlight=False, soft_wrap=True)


def _catalog_table(lake: Lake, catalog: Catalog) -> Table:
    spacings = ", ".join(f"{ratio} ({pixel_spacing(ratio)} m)" for ratio in lake.ratios)
    table = Table(
        title=f"{len(catalog)} scenes · ratios {spacings}",
        caption=f"SOD: share of labelled pixels · {lake.url} · recipe {lake.recipe_digest} · lake {lake.digest}",
        box=SIMPLE_HEAD,
    )
    for name in ("scene", "split", "season", "location"):
        table.add_column(name, no_wrap=True)
    for name in ("size", "SOD"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in catalog:
        season = f"{row.season}, {row.cryoseason}" if row.cryoseason else row.season
        table.add_row(
            row.scene_id,
            row.split,
            season,
            f"{row.location} {row.region}",
            f"{row.lines}x{row.samples}",
            f"{row.labelled('SOD') / (row.lines * row.samples):.0%}",
        )
    return table


def _record_table(record: SceneRecord) -> Table:
    table = Table(title=record.scene_id, show_header=False)
    for name, value in record.model_dump(mode="json", exclude={"scene_id", "pixels"}).items():
        table.add_row(name, str(value))
    return table


def _class_table(record: SceneRecord) -> Table:
    table = Table(title="share of the pixels at 40 m")
    table.add_column("class", justify="right")
    for name in CHARTS:
        table.add_column(name)
    total = record.lines * record.samples
    for value in [*range(max(chart.n_classes for chart in CHARTS.values())), IGNORE]:
        cells = []
        for name, chart in CHARTS.items():
            label = "no label" if value == IGNORE else chart.classes[value] if value < chart.n_classes else ""
            cells.append(f"{record.pixels[name][value] / total:6.1%}  {label}" if label else "")
        table.add_row(str(value), *cells)
    return table


def _variable_table(lake: Lake, record: SceneRecord) -> Table:
    opened = lake.scene(record.scene_id)
    table = Table(title="variables")
    for name in ("group", "variable", "dims", "dtype", "units", "long name"):
        table.add_column(name)
    for group, dataset in [(f"r{ratio}", opened.open(ratio)) for ratio in lake.ratios[:1]] + [
        ("km2", opened.open_km2())
    ]:
        for variable_name, variable in dataset.variables.items():
            sizes = " x ".join(str(size) for size in variable.shape)
            attributes = variable.attrs
            table.add_row(
                group,
                str(variable_name),
                sizes,
                str(variable.dtype),
                attributes.get("units", ""),
                str(attributes.get("long_name", attributes.get("description", ""))),
            )
    return table


app.command("lists")(lists)


if __name__ == "__main__":
    app()
