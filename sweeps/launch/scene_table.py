"""What each cell of a study would train on: scenes, labelled pixels, and the classes that it will never see."""

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


def show_scenes(part: Experiment, lake: Lake) -> None:
    """Prints what the first seed of each cell trains on, and in a sentence what test scenes hold."""
    cells: dict[str, Point] = {}
    for trial in part.trials():
        name = " ".join(f"{axis}={text(value)}" for axis, value in trial.labels.items() if axis not in (TASK, SEED))
        cells.setdefault(name, trial)
    found = {name: _scenes_of(trial, lake) for name, trial in cells.items()}
    alike = len({scenes if isinstance(scenes, str) else scenes[0].model_dump_json() for scenes in found.values()}) == 1
    table = Table(title="training scenes", caption="labelled pixels are of 40 m; of ice pixels only these are labelled")
    table.add_column("cell", overflow="fold")
    for column in ("scenes", "val scenes", "labelled", "of ice"):
        table.add_column(column, justify="right")
    table.add_column("never seen in training", overflow="fold")
    for name, scenes in list(found.items())[: 1 if alike else None]:
        if isinstance(scenes, str):
            table.add_row(name, "–", "–", "–", "–", scenes)
            continue
        train, val = scenes
        counts = str(train.scenes), str(val), f"{train.labelled / 1e6:.1f} M", f"{train.coverage:.0%}"
        table.add_row("every cell" if alike else name, *counts, _absent_words(train) or "–")
    out.print(table)
    if any(scenes[0].absent for scenes in found.values() if not isinstance(scenes, str)):
        tell("a class that is never seen cannot be predicted: scores of these cells over all classes have a ceiling")


def _absent_words(scenes: SceneSet) -> str:
    """`new ice, young ice`; with the name of the chart where there are several charts."""
    several = len(scenes.absent) > 1
    return "; ".join(
        f"{f'{name}: ' if several else ''}{', '.join(word.replace('_', ' ') for word in words)}"
        for name, words in scenes.absent.items()
    )


def _scenes_of(trial: Point, lake: Lake) -> tuple[SceneSet, int] | str:
    """Training scenes of a trial and the number of val scenes; in a few words why there are none."""
    try:
        scenes = select_scenes(trial.bound_to(lake.digest).spec, lake)
    except SplitError:
        return "no scenes"
    except SpecError:
        return "another lake is needed"
    return scene_set(scenes.train, trial.spec.data.targets), len(scenes.val)
