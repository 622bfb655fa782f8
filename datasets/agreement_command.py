"""`python -m datasets agreement`: how far two ice services agree on the frames that both charted."""

from typing import Annotated

import typer
from rich.table import Table

from datasets.lake_argument import LakeArgument
from datasets.process.terminal import out, user_errors


def agreement(
    lake: LakeArgument,
    ratio: Annotated[int, typer.Option(help="Downscale ratio of the charts that are compared (2: 80 m).")] = 2,
) -> None:
    """Print how far two ice services agree on frames that both charted, chart by chart.

    A network cannot be asked to agree with one of them better than the other does. The archive of AI4Arctic has two
    such frames, so the numbers say what is possible there, not what is usual.
    """
    from datasets.agreement import agreements  # zarr: not for --help
    from datasets.lake import Lake

    with user_errors():
        opened = Lake.open(lake)
        if ratio not in opened.ratios:
            raise typer.BadParameter(f"the lake has the ratios {', '.join(map(str, opened.ratios))}, not {ratio}")
        found = list(agreements(opened, ratio))
    if not found:
        out.print("no frame of this lake was charted by two ice services", highlight=False)
        return
    table = Table(title=f"agreement of two ice services [%], {40 * ratio} m")
    table.add_column("frame", overflow="fold")
    table.add_column("chart")
    for name in ("labelled by both", "by one only", "agreement", "weighted F1", "macro F1", "kappa"):
        table.add_column(name, justify="right")
    for each in found:
        either = sum(each.labelled) - each.both
        scores = (each.agreement, each.f1(), each.f1(macro=True), each.kappa)
        counts = (f"{each.both / 1e6:.2f} M", f"{(either - each.both) / 1e6:.2f} M")
        table.add_row(" / ".join(each.scenes), each.chart, *counts, *(f"{100 * score:.1f}" for score in scores))
    out.print(table)
