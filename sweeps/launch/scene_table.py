"""What each cell of a study would train on: scenes, labelled pixels, and the classes that it will never see."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.table import Table

from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.process.terminal import out, tell
from sweeps.design.axes import text
from sweeps.design.experiment import SEED, TASK, Experiment
from sweeps.design.point import Point
from training.data.scene_set import SceneSet, scene_set
from training.data.trial_scenes import select_scenes
from training.spec import SpecError


@dataclass(frozen=True, kw_only=True)
class CellScenes:
    """A cell and its scenes; `problem` says in a few words why there are none."""

    cell: str
    train: SceneSet | None = None
    val: int = 0
    problem: str = ""


def show_scenes(part: Experiment, lake: Lake) -> None:
    """Prints what the first seed of each cell trains on, and in a sentence what test scenes hold."""
    rows = list(_rows(part, lake))
    same = {row.train.model_dump_json() if row.train else row.problem for row in rows}
    table = Table(title="training scenes", caption="labelled pixels are of 40 m; of ice pixels only these are labelled")
    table.add_column("cell", overflow="fold")
    for name in ("scenes", "val scenes", "labelled", "of ice"):
        table.add_column(name, justify="right")
    table.add_column("never seen in training", overflow="fold")
    for row in rows[:1] if len(same) == 1 else rows:
        if row.train is None:
            table.add_row(row.cell, "–", "–", "–", "–", row.problem)
            continue
        found = row.train
        name = "every cell" if len(same) == 1 else row.cell
        counts = str(found.scenes), str(row.val), f"{found.labelled / 1e6:.1f} M", f"{found.coverage:.0%}"
        table.add_row(name, *counts, absent_words(found) or "–")
    out.print(table)
    if any(row.train is not None and row.train.absent for row in rows):
        tell("a class that is never seen cannot be predicted: scores of these cells over all classes have a ceiling")


def absent_words(scenes: SceneSet) -> str:
    """`new ice, young ice`; with the name of the chart where there are several charts."""
    several = len(scenes.absent) > 1
    return "; ".join(
        f"{f'{name}: ' if several else ''}{', '.join(word.replace('_', ' ') for word in words)}"
        for name, words in scenes.absent.items()
    )


def _rows(part: Experiment, lake: Lake) -> Iterator[CellScenes]:
    """Cells by all labels but task and seed, each once."""
    seen: set[str] = set()
    for trial in part.trials():
        cell = " ".join(f"{axis}={text(value)}" for axis, value in trial.labels.items() if axis not in (TASK, SEED))
        if cell not in seen:
            seen.add(cell)
            yield _of_cell(cell, trial, lake)


def _of_cell(cell: str, trial: Point, lake: Lake) -> CellScenes:
    try:
        scenes = select_scenes(trial.bound_to(lake.digest).spec, lake)
    except SplitError:
        return CellScenes(cell=cell, problem="no scenes")
    except SpecError:
        return CellScenes(cell=cell, problem="another lake is needed")
    train = scene_set(scenes.train, trial.spec.data.targets)
    return CellScenes(cell=cell, train=train, val=len(scenes.val))
