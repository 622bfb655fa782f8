"""Workers are those that the options ask for."""

import pytest

import datasets.workers.dask_cluster
import datasets.workers.ray_cluster
from datasets.errors import ClusterError
from datasets.workers.cluster import ClusterOptions
from datasets.workers.opening import open_workers


def test_the_scheduler_chooses_between_ray_and_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        datasets.workers.dask_cluster, "dask_workers", lambda options, tasks, ahead=False: ("dask", options, tasks)
    )
    monkeypatch.setattr(datasets.workers.ray_cluster, "ray_workers", lambda options: ("ray", options))
    for scheduler in ("ray", "ray:127.0.0.1:6379", "ray://127.0.0.1:10001"):
        options = ClusterOptions(scheduler=scheduler)
        assert open_workers(options, 3) == ("ray", options)
    for scheduler in (None, "tcp://127.0.0.1:8786"):
        options = ClusterOptions(scheduler=scheduler)
        assert open_workers(options, 3) == ("dask", options, 3)


def test_options_that_contradict_each_other_open_nothing() -> None:
    with pytest.raises(ClusterError, match="--workers 3 is of a cluster that the command starts itself"):
        open_workers(ClusterOptions(scheduler="tcp://127.0.0.1:8786", workers=3), 1)
