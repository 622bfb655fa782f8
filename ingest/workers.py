"""Opens the workers of a build; Dask and Ray are loaded only where they are used."""

from contextlib import AbstractContextManager

from ingest.cluster import ClusterOptions, Workers


def open_workers(options: ClusterOptions, tasks: int) -> AbstractContextManager[Workers]:
    """Workers for a number of tasks, until the context ends; unfinished work is dropped then.

    Raises:
        ClusterError: The cluster does not answer, or cannot do what the options ask.
    """
    options.check()
    if options.on_ray:
        from ingest.ray_cluster import ray_workers

        return ray_workers(options)
    from ingest.dask_cluster import dask_workers

    return dask_workers(options, tasks)
