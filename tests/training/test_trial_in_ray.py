"""A trial with loader workers inside a worker process of Ray, where `__main__` is Ray's own script."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def local_ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(__file__).parent)))}},
        )
        yield
        ray.shutdown()


def train(spec: dict[str, Any], lake: str, folder: str, workers: int) -> tuple[str, dict[str, float]]:
    import training

    cache = NodeCache(folder=Path(folder) / "cache", max_bytes=1 << 28)
    result = run_trial(
        TrialSpec.from_dict(spec),
        Lake.open(lake),
        MemoryTracker(),
        folder=Path(folder),
        workers=workers,
        cache=cache,
    )
    return str(training.__file__), {name: value for name, value in result.metrics.items() if name[:5] != "cost/"}


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_a_worker_of_ray_starts_loader_workers_and_gets_the_same_numbers(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = small_spec.with_("loop.batches_per_epoch", 2).to_dict()
    there = ray.remote(num_cpus=1)(train).remote(spec, tiny_lake.url, str(tmp_path / "there"), 1)
    _, here = train(spec, tiny_lake.url, str(tmp_path / "here"), 0)
    code, metrics = ray.get(there, timeout=600)
    assert Path(code).is_relative_to(ROOT)
    assert metrics == pytest.approx(here, rel=1e-5)
