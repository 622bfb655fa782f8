"""What `python -m datasets show` prints: a lake in numbers and its scenes, or one scene on a page."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from datasets.catalog import Catalog
from datasets.class_colours import Palette
from datasets.errors import unknown_name
from datasets.graticule import box_text
from datasets.grids import pixel_spacing
from datasets.labels import CHARTS, IGNORE
from datasets.lake import Lake
from datasets.overview import Overview, in_words
from datasets.plural import noun, plural
from datasets.process.terminal import MOST_LISTED, err, out, print_whole, tell
from datasets.scene import Scene, SceneRecord
from datasets.volume import StoredSize

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def print_lake(lake: Lake, catalog: Catalog, picture: Path | None = None, palette: Palette = "safe") -> None:
    """Prints the numbers of a lake, and then a line for each scene, as far as anybody reads them.

    What cannot be drawn is told before.
    """
    if picture is not None:
        from datasets.lake_sheet import lake_sheet  # matplotlib is slow to import

        _draw(picture, lambda: lake_sheet(lake, catalog, palette))
    pixels = catalog.column("lines") * catalog.column("samples")
    size = StoredSize.of(lake, catalog.scene_ids, pixels.tolist())
    if size.missing:
        tell(
            f"{len(size.missing)} of the scenes that were looked at {noun(len(size.missing), 'is', 'are')} gone "
            f"(first: {size.missing[0]}): run `python -m ingest verify {shlex.quote(lake.url)}`",
            err,
        )
    about = "" if size.exact else "about "
    tell(f"{plural(len(catalog), 'scene')}, {about}{in_words(size.total)} in {lake.url}")
    tell(f"lake {lake.digest}, recipe {lake.recipe_digest}")
    shares = (f"{r} ({pixel_spacing(r)} m) {in_words(size.groups.get(f'r{r}', 0))}" for r in lake.ratios)
    tell(f"ratios {', '.join(shares)}")
    out.print(_overview_table(Overview.of(catalog)))
    print_whole(_scenes_table(catalog.take(range(min(len(catalog), MOST_LISTED)))))
    if len(catalog) > MOST_LISTED:
        tell(
            f"these are the first {MOST_LISTED} of {len(catalog)} scenes; all of them, with all columns: "
            f"pandas.read_parquet('{lake.place}/catalog.parquet')"
        )
    if picture is not None:
        tell(f"drawn: {picture}")


def print_scene(
    lake: Lake, record: SceneRecord, scene: Scene, picture: Path | None, ratio: int | None, palette: Palette
) -> None:
    """Prints a scene on one page and draws it; what cannot be drawn is told before anything is printed.

    Without a ratio it is drawn in its place on a map.
    """
    tables = [_facts(lake, record), _classes(record), _variables(lake, scene)]
    if picture is not None:
        _draw(picture, lambda: _scene_picture(lake, scene, ratio, palette))
    for table in tables:
        out.print(table)
    tell(f'xarray.open_zarr("{lake.scene_url(record.scene_id)}", group="r{lake.ratios[0]}")')
    if picture is not None:
        tell(f"drawn: {picture}")


def _scene_picture(lake: Lake, scene: Scene, ratio: int | None, palette: Palette) -> "Figure":
    if ratio is None:
        from datasets.scene_on_map import scene_on_map  # matplotlib is slow to import

        return scene_on_map(scene, lake.ratios, palette)
    from datasets.pictures import scene_sheet

    return scene_sheet(scene, ratio, palette)


def _kind(path: Path) -> str:
    return path.suffix.lstrip(".").lower() or "png"


def _draw(path: Path, picture: Callable[[], "Figure"]) -> None:
    from matplotlib.backend_bases import FigureCanvasBase  # slow to import

    if path.is_dir():
        raise typer.BadParameter(f"--png {path} is a folder: give the name of a picture in it")
    if _kind(path) not in (kinds := FigureCanvasBase.get_supported_filetypes()):
        raise unknown_name("kind of picture", _kind(path), kinds)
    figure = picture()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(part, dpi=130, format=_kind(path))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _overview_table(overview: Overview) -> Table:
    table = Table(box=SIMPLE_HEAD, caption="classes: share of the labelled pixels")
    table.add_column("")
    for split in overview.splits:
        table.add_column(split, justify="right", no_wrap=True)
    for row in overview.rows:
        table.add_row(f"{row.kind} {row.name}".replace("_", " ").strip(), *row.values)
    return table


def _scenes_table(catalog: Catalog) -> Table:
    table = Table(box=SIMPLE_HEAD, caption="size in pixels of 40 m; labels: share of pixels with a class of SOD")
    for name in ("scene", "split", "season", "location"):
        table.add_column(name, no_wrap=True)
    for name in ("size", "labels"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in catalog:
        table.add_row(
            row.scene_id,
            row.split,
            f"{row.season}, {row.cryoseason}" if row.cryoseason else row.season,
            f"{row.location} {row.region}",
            f"{row.lines}x{row.samples}",
            f"{row.labelled('SOD') / (row.lines * row.samples):.0%}",
        )
    return table


def _facts(lake: Lake, record: SceneRecord) -> Table:
    sizes = lake.store(record.scene_id).objects
    melt = f", {record.cryoseason}" if record.cryoseason else ""
    dates = f" ({record.melt_cells:.0%} of its cells have melt dates)" if record.melt_cells is not None else ""
    dropped = ", ".join(f"{reason} {count}" for reason, count in record.dropped.items() if count)
    facts = {
        "file": record.source,
        "split": f"{record.split}{f' ({record.unused})' if record.unused else ''}"
        + (", neither trained nor scored on" if record.split == "predict" else f", from the {record.archive} archive")
        + ("" if record.charted else ", without chart"),
        "acquired": f"{record.acquired:%Y-%m-%d %H:%M:%S} to {record.stopped:%H:%M:%S} UTC, {record.satellite} "
        f"orbit {record.orbit}",
        "place": f"{record.region} ({record.location}), {box_text(record.bbox)}, chart of {record.provider}",
        "season": f"{record.season}{melt}{dates}",
        "size": f"{record.lines} x {record.samples} pixels of 40 m ({record.product}), "
        f"{in_words(sum(sizes.values()))} with ratios {', '.join(map(str, lake.ratios))}",
        "recipe": f"{record.recipe}, content {record.fingerprint}",
    } | ({"dropped": f"pixels without a class: {dropped}"} if dropped else {})
    table = Table(title=record.scene_id, title_justify="left", show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts.items():
        table.add_row(name, text)
    return table


def _classes(record: SceneRecord) -> Table:
    table = Table(caption="share of all pixels", box=SIMPLE_HEAD)
    table.add_column("class", justify="right")
    for name in CHARTS:
        table.add_column(name, overflow="fold")
    total = record.lines * record.samples
    for value in [*range(max(chart.n_classes for chart in CHARTS.values())), IGNORE]:
        cells = []
        for name, chart in CHARTS.items():
            label = "no label" if value == IGNORE else chart.classes[value] if value < chart.n_classes else ""
            cells.append(f"{record.pixels[name][value] / total:6.1%} {label}" if label else "")
        table.add_row(str(value), *cells)
    return table


def _variables(lake: Lake, scene: Scene) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")
    ratio = lake.ratios[0]
    others = ", ".join(f"r{each}" for each in lake.ratios[1:])
    for group, dataset in (
        (f"r{ratio}" + (f" ({others})" if others else ""), scene.open(ratio)),
        ("km2", scene.open_km2()),
    ):
        words = []
        for name, variable in dataset.variables.items():
            units = variable.attrs.get("units", "")
            words.append(f"{name} \\[{units}]" if units else str(name))
        sizes = " x ".join(map(str, dataset.sizes.values()))
        table.add_row(group, f"{sizes}: {', '.join(words)}")
    return table
