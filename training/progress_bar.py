"""What a person sees while a command works: bars, and lines for what was begun, every epoch and the end that stay."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from datasets.plural import plural
from datasets.process.terminal import err, tell

if TYPE_CHECKING:
    from training.loop.epoch import TrainingProgress, TrialOverview
    from training.prediction.predict_maps import Progress as MapProgress


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


class TrialBar:
    """A trial on the terminal; called with its progress. `begin`, `held` and `scored` are for `run_trial`, too."""

    def __init__(self, bar: Progress, max_epochs: int) -> None:
        self._bar, self._max_epochs = bar, max_epochs
        self._task = bar.add_task("reading", total=None)
        self._best = 0.0

    def begin(self, overview: "TrialOverview") -> None:
        """Says what is trained, on what, and with how much."""
        processes = f" in {overview.processes} processes" if overview.processes > 1 else ""
        tell(f"trial {overview.trial_id} on {overview.device}{processes}", err)
        trained = overview.trainable_parameters
        frozen = f", {trained:,} of them trained" if trained < overview.parameters else ""
        scenes = ", ".join(f"{count} {split}" for split, count in overview.scenes.items())
        tell(
            f"scenes: {scenes}; patches per epoch: {overview.patches_per_epoch:,}; "
            f"parameters of the network: {overview.parameters:,}{frozen}",
            err,
        )

    def held(self, done: int, total: int) -> None:
        """Shows how many scenes the device has taken."""
        self._bar.update(self._task, description="scenes into the device's memory", completed=done, total=total)

    def __call__(self, state: "TrainingProgress") -> None:
        """Shows a batch, or prints an epoch."""
        row = state.row
        if row is None:
            self._bar.update(
                self._task,
                completed=state.batch,
                total=state.batches,
                description=f"epoch {state.epoch + 1}/{self._max_epochs}  loss {state.loss:.3f}  "
                f"best val F1 {self._best:.3f}  {state.patches_per_second:.1f} patches/s  "
                f"waits for data {state.data_wait_share:.0%}",
            )
            return
        self._best = max(self._best, row.val_f1)
        tell(
            f"epoch {row.epoch:3d}  train loss {row.train_loss:.4f}  val loss {row.val_loss:.4f}  "
            f"val F1 {row.val_f1:.3f}  {row.patches_per_second:.1f} patches/s  "
            f"waits for data {row.data_wait_share:.0%}",
            err,
        )
        self._bar.reset(self._task)

    def scored(self, split: str, done: int, total: int) -> None:
        """Shows how much of a split is scored; for the test scenes, the last work of a trial, a line stays."""
        self._bar.update(self._task, description=f"scoring {split}", completed=done, total=total)
        if split == "test" and done == total:
            tell(f"scored {plural(total, 'test scene')}", err)


@contextmanager
def progress_bar(max_epochs: int) -> Iterator[TrialBar]:
    """Gives what is to be told of progress; where nobody watches (CI, a job's log) only the lines are printed."""
    with _bar() as bar:
        yield TrialBar(bar, max_epochs)


@contextmanager
def counting_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives the function to tell how many of all are done; nothing is shown where nobody watches."""
    with _bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def map_bar() -> Iterator[Callable[["MapProgress"], None]]:
    """A bar of the pixels that are predicted, with the time to the end; where nobody watches, a line for each scene."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    begun = time.monotonic()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("maps", total=None)

        def show(state: "MapProgress") -> None:
            bar.update(task, completed=state.done, total=state.total, description=f"maps: {state.scenes} of {state.of}")
            if state.finished and not err.is_terminal:
                left = (time.monotonic() - begun) * (state.total - state.done) / max(state.done, 1)
                rest = f", about {left / 60:.0f} min to the end" if left >= 30 else ""
                tell(f"{state.finished}: {state.scenes} of {plural(state.of, 'map')}{rest}", err)

        yield show
