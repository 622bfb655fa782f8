"""What the test scenes of a lake can tell apart in a study, before anything is trained."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.process.terminal import out, tell
from sweeps.design.experiment import TASK, Experiment
from sweeps.design.scene_sets import SCENES, against_controls
from sweeps.record.design import design_of
from sweeps.report.bin_scores import EVERY
from sweeps.report.intervals import subsets_for
from sweeps.report.passes import pass_numbers
from sweeps.report.reach import fewest_passes, smallest_p, undecidable
from training.evaluation.metric_names import ICE, parse_metric


def show_reach(part: Experiment, lake: Lake) -> None:
    """Prints, for each group of test scenes that a study compares, whether scores of any kind could be told apart."""
    data = part.trials()[0].spec.data
    scenes = lake.catalog().split("test").where(**data.test.model_dump())
    scenes = scenes.take(scenes.labelled(data.primary) > 0)
    groups = {name: len(set(pass_numbers(of.scene_ids).tolist())) for name, of in _groups(part, scenes).items()}
    asked = _asked(part)
    every = [passes for passes in groups.values() for _ in range(asked) if passes]
    fewest, most = fewest_passes(every), subsets_for(len(every))
    table = Table(title=f"differences: {asked} on each group of test scenes", caption="p: the smallest that there is")
    for name in ("scored on", "orbit passes", "p", "can be told apart"):
        table.add_column(name, justify="left" if name == "scored on" else "right")
    for name, passes in groups.items():
        table.add_row(name, str(passes), f"{smallest_p(passes, most):.2g}", "yes" if passes >= fewest else "no")
    if asked:
        out.print(table)
        for passes in sorted({each for each in groups.values() if each < fewest}):
            names = ", ".join(name for name, each in groups.items() if each == passes)
            tell(f"scored on {names}: {undecidable(passes, sum(each >= passes for each in every) or asked)}")


def _groups(part: Experiment, scenes: Catalog) -> dict[str, Catalog]:
    design = design_of(part)
    whole = {EVERY: scenes} if not design.bins or SCENES in design.axes else {}
    return whole | {name: scenes.take(_inside(scenes, name)) for name in design.bins}


def _inside(scenes: Catalog, name: str) -> NDArray[np.bool_]:
    return scenes.having("season", name) | scenes.having("location", name) | scenes.having("cryoseason", name)


def _asked(part: Experiment) -> int:
    """Differences on one group: by both scores, of both tasks."""
    return _scores(part.objective) * sum(_of_task(part))


def _of_task(part: Experiment) -> Iterator[int]:
    design = design_of(part)
    axes, cells = list(design.axes), design.cells
    for task in {cell[axes.index(TASK)] for cell in cells}:
        own = [cell for cell in cells if cell[axes.index(TASK)] == task]
        if SCENES in axes:
            yield len(against_controls(axes, own))
        elif part.bins:
            yield len(own) - 1
        else:  # also with the best cell, which is not known yet; that and the reference are compared once
            yield max(2 * len(own) - 3, 0)


def _scores(objective: str) -> int:
    metric = parse_metric(objective)
    return 2 if metric is not None and metric.class_name is None and metric.score in ("f1", ICE) else 1
