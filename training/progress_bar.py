"""What a person sees while a trial trains: a bar of the epoch, and one line an epoch that stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datasets.process.terminal import err
from training.loop.epoch import TrainingProgress


@contextmanager
def progress_bar(max_epochs: int) -> Iterator[Callable[[TrainingProgress], None]]:
    """Gives the function to tell of progress; where nobody watches (CI, a job's log) only the epochs are printed."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("reading", total=None)
        best = 0.0

        def show(state: TrainingProgress) -> None:
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
