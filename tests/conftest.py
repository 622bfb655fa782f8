"""What many tests share: small raw scenes and the lake built from them, made once per session."""

import gc
import logging
import os
import re
from collections.abc import Iterator
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.pop("COLUMNS", None)  # a runner of parallel tests sets it, and rich keeps the width that it begins with

import fsspec
import pytest
from hypothesis import settings

from datasets.lake import Lake
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.built_once import built_once
from tests.watchman import watch_this_run
from training.spec import TrialSpec

if TYPE_CHECKING:
    from tests.object_store import ObjectStore

LINES, SAMPLES = 420, 520

# Ray reads it once per process, whichever test asks first; a cluster of the other kind then refuses every word.
os.environ["RAY_AUTH_MODE"] = "disabled"

# Of a Ray that a test starts: no workers that wait for work (it would start others with the variables of a job), and
# statistics that nobody looks at only once a minute. Together a quarter of what a head costs.
os.environ["RAY_prestart_worker_first_driver"] = "0"  # noqa: SIM112 (Ray spells it so)
os.environ["REPORTER_UPDATE_INTERVAL_MS"] = "60000"

# Of Dask's workers that wait for the next test: a fifth of a core per test process went into looking at themselves.
os.environ["DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL"] = "1s"
os.environ["DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL"] = "10s"
os.environ["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"

# Tests share the cores, so torch's threads would only wait for each other; trials of Ray have one per CPU anyway.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# s3fs leaves its clients to the garbage collector, which may speak in the middle of another test's log.
logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Unclosed c"))

settings.register_profile("house", deadline=None)  # a test that fails when the machine is busy says nothing of the code
settings.load_profile("house")


WITH_CLUSTERS = (
    "tests/datasets/process/test_ray_session.py",
    "tests/datasets/workers",
    "tests/docs/test_notebook.py",
    "tests/docs/test_tour.py",
    "tests/end_to_end",
    "tests/infra/test_slurm.py",
    "tests/ingest/stream/test_build.py",
    "tests/many_nodes",
    "tests/sweeps/launch",
    "tests/training/prediction/test_on_workers.py",
    "tests/training/test_trial_in_ray.py",
)
"""Where slow tests start Ray or Dask, whose processes want all cores."""

SLOW_FIXTURES = (
    ("tests/sweeps/compare", "baselines"),
    ("tests/sweeps/report/test_importance_report.py", "report"),
    ("tests/training/attribution", "patch_trial"),
    ("tests/training/attribution", "pixel_trial"),
    ("tests/training/evaluation/test_prediction_files.py", "checkpoint"),
    ("tests/training/test_trial.py", "done"),
    ("tests/training/test_wrong_words.py", "trained"),
    ("tests/wires/test_every_field.py", "recorded"),
    ("tests/wires/test_patches.py", "trial"),
    ("tests/wires/test_selection.py", "best_is_second"),
)
"""Where a fixture takes seconds, most of them as they train: who asks for one is slow, whoever is the first to ask."""

LONGEST_FIRST = (
    "tests/many_nodes/test_study.py",
    "tests/end_to_end/test_three_actions.py",
    "tests/sweeps/launch/test_driver.py",
    "tests/docs/test_tour.py",
    "tests/sweeps/launch/test_faults.py",
    "tests/end_to_end/test_ray_jobs.py",
    "tests/end_to_end/test_main_job.py",
    "tests/many_nodes/test_build.py",
    "tests/sweeps/launch/test_search.py",
    "tests/docs/test_notebook.py",
    "tests/datasets/workers/test_ray_cluster.py",
    "tests/sweeps/launch/test_several_processes.py",
    "tests/sweeps/launch/test_explaining.py",
    "tests/ingest/test_interruptions.py",
    "tests/training/test_trial.py",
    "tests/training/tracking/test_sync.py",
    "tests/datasets/loading/test_batches.py",
    "tests/datasets/test_object_store.py",
    "tests/sweeps/compare/test_command.py",
    "tests/infra/platform/test_supervision.py",
    "tests/training/evaluation/test_score_network.py",
    "tests/sweeps/compare/test_models_docs.py",
)
"""Files that take long: they start first, so that no core waits at the end for the last one."""

ROOT = Path(__file__).parents[1]
WHOLLY_SLOW = re.compile(r"^pytestmark = .*\bslow\b", re.MULTILINE)


@cache
def starts_cluster(file: str) -> bool:
    """Whether a file of tests, named from the root, has some that start a cluster."""
    path = ROOT / file
    return any(path.is_relative_to(ROOT / place) for place in WITH_CLUSTERS) and "mark.slow" in path.read_text()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One more than there are cores where clusters are among the tests: what waits leaves its core to others."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return None if config.getoption("markexpr") else cores + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:  # noqa: ANN401 (of xdist)
    """Two workers run files with clusters first, the others the rest."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.lanes import Lanes  # not every run has xdist

    return Lanes(config, log, starts_cluster=starts_cluster)


def pytest_configure() -> None:
    """What a killed run leaves is ended. Nobody looks for garbage while tests are imported: a third of that time."""
    watch_this_run()
    gc.disable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m cluster` only the places of such tests are imported; all of them cost each process 20 s.

    With `-m "not slow"` no file is imported all of whose tests are slow: it brings a browser, Ray or a kernel along.
    """
    chosen = config.getoption("markexpr")
    if chosen == "not slow" and collection_path.suffix == ".py":
        return True if WHOLLY_SLOW.search(collection_path.read_text()) else None
    if chosen != "cluster":
        return None
    places = (ROOT / place for place in WITH_CLUSTERS)
    near = any(collection_path.is_relative_to(place) or place.is_relative_to(collection_path) for place in places)
    return None if near else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests that start a cluster also get the marker `cluster`. Long files go first."""
    places = tuple(ROOT / place for place in WITH_CLUSTERS)
    dear = [(ROOT / place, fixture) for place, fixture in SLOW_FIXTURES]
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if any(fixture in asked and item.path.is_relative_to(place) for place, fixture in dear):
            item.add_marker(pytest.mark.slow)
        here = any(item.path.is_relative_to(place) for place in places)
        if item.get_closest_marker("slow") and here:
            item.add_marker(pytest.mark.cluster)
        elif item.get_closest_marker("cluster"):
            raise pytest.UsageError(f"{item.nodeid} has the marker cluster: add its file to WITH_CLUSTERS")
    order = {ROOT / file: place for place, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_collection_finish() -> None:
    """What was imported stays: no later search for garbage looks at it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def _outboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Places for folders, one for each test: `mktemp` looks at all that it has made before, and there are thousands."""
    folder = tmp_path_factory.mktemp("outboxes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_outbox(monkeypatch: pytest.MonkeyPatch, _outboxes: Iterator[Path]) -> None:
    """What a test's trials cannot send stays out of the project, and out of other tests."""
    outbox = next(_outboxes)
    outbox.mkdir()
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(outbox))


@pytest.fixture(scope="session", autouse=True)
def _own_node_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests and the processes that they start decode stays theirs, and goes with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_CACHE", str(tmp_path_factory.mktemp("node-cache")))
        patch.setenv("ICEBENCH_CACHE_GB", "1")
        yield


def _samples(scenes: int, seed: int, folder: str) -> list[str]:
    return [str(path) for path in write_samples(Path(folder), scenes=scenes, lines=LINES, samples=SAMPLES, seed=seed)]


@pytest.fixture(scope="session")
def raw_train(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight synthetic scenes of the training archive."""
    return [Path(path) for path in built_once(tmp_path_factory, "raw-train", partial(_samples, 8, 1))]


@pytest.fixture(scope="session")
def raw_test(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three synthetic scenes of the test archive."""
    return [Path(path) for path in built_once(tmp_path_factory, "raw-test", partial(_samples, 3, 2))]


@pytest.fixture(scope="session")
def tiny_lake(tmp_path_factory: pytest.TempPathFactory, raw_train: list[Path], raw_test: list[Path]) -> Lake:
    """A finished lake of both archives, ratios 1, 2, 5 and 10; not to be changed by tests."""

    def build(folder: str) -> list[str]:
        recipe = Recipe(ratios=(1, 2, 5, 10))
        lake = Lake.create(folder, recipe.to_lake())
        train = [convert_scene(str(path), recipe, lake, "train") for path in raw_train]
        test = [convert_scene(str(path), recipe, lake, "test") for path in raw_test]
        publish(lake, train + test, SplitOptions())
        return [lake.url]

    (url,) = built_once(tmp_path_factory, "tiny-lake", build)
    return Lake.open(url)


@pytest.fixture(scope="session")
def small_spec() -> TrialSpec:
    """A trial of seconds on the tiny lake: ratio 10, two epochs of three batches."""
    return TrialSpec.from_dict(
        {
            "data": {
                "ratio": 10,
                "patch_size": 16,
                "channels": ["nersc_sar_primary", "nersc_sar_secondary", "sar_incidenceangle", "t2m", "month"],
            },
            "model": {"params": {"filters": [4, 4, 8]}},
            "optimizer": {"lr": 1e-2, "restart_epochs": 2},
            "loop": {"batch_size": 4, "batches_per_epoch": 3, "max_epochs": 2},
            "evaluation": {"fixed_ratio": 2},
        }
    )


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ObjectStore]":
    """A real S3-compatible server with the bucket `lake`."""
    from tests.object_store import ObjectStore  # needs what the kit of a GPU machine lacks

    store = ObjectStore(tmp_path_factory.mktemp("object-store"))
    try:
        store.start()
        yield store
    finally:
        store.stop()


@pytest.fixture
def s3(object_store: "ObjectStore", monkeypatch: pytest.MonkeyPatch) -> "ObjectStore":
    """The server, with the owner's credentials in the environment of this test and of what it starts."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # clients remember the credentials they began with
    return object_store
