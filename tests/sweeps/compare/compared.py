"""Trials of a second, for the tests of comparisons."""

SMALL = {
    "pixel": {
        "data.ratio": 10,
        "data.patch_size": 16,
        "data.channels": ["nersc_sar_primary", "nersc_sar_secondary", "t2m"],
        "optimizer.lr": 0.01,
        "loop.batch_size": 4,
        "loop.batches_per_epoch": 2,
        "loop.max_epochs": 1,
    },
    "patch": {
        "data.ratio": 5,
        "data.patch_size": 16,
        "data.stride": 8,
        "data.channels": ["nersc_sar_primary", "nersc_sar_secondary", "t2m"],
        "optimizer.lr": 0.01,
        "loop.batch_size": 4,
        "loop.batches_per_epoch": 2,
        "loop.max_epochs": 1,
    },
}
"""Trials of a second on the tiny lake, as changes of the published ones."""


def settings(task: str) -> list[str]:
    """As words of a command line."""
    return [word for name, value in SMALL[task].items() for word in ("--set", f"{name}={value}")]
