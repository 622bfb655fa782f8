"""On how many threads this process encodes and decodes."""

from datasets.process.machine import usable_cores


def limit_threads(count: int) -> None:
    """Lets this process encode and decode on so many threads; without, it does on all that it may use.

    For processes that share a machine, before they touch their first array: zarr keeps the threads that it began with.
    """
    import numcodecs
    import zarr

    zarr.config.set({"threading.max_workers": count})
    numcodecs.blosc.set_nthreads(count)


def threads() -> int:
    """Threads on which this process encodes and decodes."""
    import zarr

    given: int | None = zarr.config.get("threading.max_workers")
    return given or usable_cores()
