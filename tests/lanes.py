"""Which worker of a parallel run takes which file: those that start clusters go side by side with those that compute.

A test with a cluster waits half of its time: for processes to start, for a lost host to be given up. Two workers run
such files first, one after the other, and the others meanwhile run what keeps the processor busy.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

LANES: Final = 2
"""Workers that take files with clusters first; each of these needs about 2 GB and several processes."""


def chosen(waiting: Iterable[str], starts_cluster: Callable[[str], bool], *, wanted: bool) -> str:
    """The first file that waits and is of the wanted kind; where none is, the first of all."""
    waiting = list(waiting)
    return next((file for file in waiting if starts_cluster(file) == wanted), waiting[0])


class Lanes(LoadFileScheduling):
    """Gives out whole files in the order in which they were collected, to each worker its own kind first."""

    def __init__(self, *options: Any, starts_cluster: Callable[[str], bool]) -> None:  # noqa: ANN401 (those of xdist)
        super().__init__(*options)
        self._starts_cluster = starts_cluster

    def _assign_work_unit(self, node: WorkerController) -> None:
        file = chosen(self.workqueue, self._starts_cluster, wanted=node in self.nodes[:LANES])
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)
