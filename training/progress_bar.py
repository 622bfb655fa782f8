"""What a person sees while a command works: bars, and one line for every epoch that stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datasets.process.terminal import err

if TYPE_CHECKING:
    from training.loop.epoch import TrainingProgress


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


@contextmanager
def progress_bar(max_epochs: int) -> Iterator[Callable[["TrainingProgress"], None]]:
    """Gives the function to tell of progress; where nobody watches (CI, a job's log) only the epochs are printed."""
    with _bar() as bar:
        task = bar.add_task("reading", total=None)
        best = 0.0

        def show(state: "TrainingProgress") -> None:
            nonlocal best
            row = state.row
            if row is None:
                bar.update(
                    task,
                    completed=state.batch,
                    total=state.batches,
                    description=f"epoch {state.epoch + 1}/{max_epochs}  loss {state.loss:.3f}  best val F1 {best:.3f}  "
                    f"{state.patches_per_second:.1f} patches/s  waits for data {state.data_wait_share:.0%}",
                )
                return
            best = max(best, row.val_f1)
            err.print(
                f"epoch {row.epoch:3d}  train loss {row.train_loss:.4f}  val loss {row.val_loss:.4f}  "
                f"val F1 {row.val_f1:.3f}  {row.patches_per_second:.1f} patches/s  "
                f"waits for data {row.data_wait_share:.0%}",
                highlight=False,
            )
            bar.reset(task)

        yield show


@contextmanager
def counting_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives the function to tell how many of all are done; nothing is shown where nobody watches."""
    with _bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
