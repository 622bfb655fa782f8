"""Opens workers; Dask and Ray are loaded only where they are used."""

from contextlib import AbstractContextManager

from datasets.process.ports import answers
from datasets.workers.cluster import ClusterOptions, Workers, no_scheduler


def check_workers(options: ClusterOptions) -> None:
    """Raises ClusterError where no workers could be opened, before anything is written for them."""
    options.check()
    if options.on_ray:
        from datasets.workers.ray_cluster import check_ray

        check_ray(options)
    elif options.scheduler is not None and not answers(options.scheduler.rpartition("://")[2]):
        raise no_scheduler(options.scheduler)


def open_workers(options: ClusterOptions, tasks: int, *, ahead: bool = False) -> AbstractContextManager[Workers]:
    """Workers for a number of tasks, until the context ends; unfinished work is dropped then.

    Args:
        options: Which workers.
        tasks: How many tasks there are.
        ahead: Lets each worker of this machine begin a task while it is at another; the tasks take turns themselves.

    Raises:
        ClusterError: The cluster does not answer, or cannot do what the options ask.
    """
    options.check()
    if options.on_ray:
        from datasets.workers.ray_cluster import ray_workers

        return ray_workers(options)
    from datasets.workers.dask_cluster import dask_workers

    return dask_workers(options, tasks, ahead=ahead)
