"""Trials on Ray: the only module that imports Ray. Places them, watches them, says what became of each.

A trial of one process trains in Tune's function itself; its results are in MLflow, so nothing has to come back through
Ray but whether it ended well. A trial of several processes is a Ray Train run that Tune's function starts; that costs
some 20 s, which a trial of one process does not pay.
"""

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ray
from ray import tune

from datasets.lake import Lake
from sweeps.experiment import Trial
from sweeps.placement import Placement, room_for
from training.outbox import default_outbox
from training.spec import TrialSpec
from training.study import StudyTracker
from training.tracking import MlflowTracker, git_commit

ROOT: Final = Path(__file__).resolve().parents[1]
_JOB_CONFIG: Final = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by Ray in the driver of a submitted job: what the job brought with it."""

_NOT_SHIPPED: Final = [".git", ".venv", "data", "results", "mlruns", "mlartifacts", "*.db", "tests", "docs"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial: Which.
        error: Last line of what went wrong; None for a finished trial.
    """

    trial: Trial
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something to show while trials run.

    Attributes:
        trial: Which.
        epoch: Epochs done so far.
        metrics: What the trial reported last.
        ended: The trial is over, well or not.
        failed: It ended with an error.
    """

    trial: Trial
    epoch: int
    metrics: dict[str, float]
    ended: bool = False
    failed: bool = False


def shipped_by_job() -> bool:
    """Whether this driver runs in a temporary copy of the project that `ray job submit --working-dir` made."""
    return "working_dir" in json.loads(os.environ.get(_JOB_CONFIG, "{}")).get("runtime_env", {})


def outbox_folder() -> Path:
    """Where trials on every node leave what MLflow has not taken yet: the same path on each, on its own disk.

    A job's copy of the project is deleted with the job, so its trials use the home folder.
    """
    if shipped_by_job() and "ICEBENCH_OUTBOX" not in os.environ:
        return Path.home() / ".icebench" / "outbox"
    return default_outbox()


def run_trials(
    trials: Sequence[Trial],
    lake: Lake,
    study: StudyTracker,
    placement: Placement,
    on_event: Callable[[Event], None],
) -> list[Outcome]:
    """Runs trials, each as a child run of the study; a failed one does not stop the others.

    Joins the cluster that RAY_ADDRESS names or that runs on this machine, else starts one for the time of the run.

    Args:
        trials: Bound to the lake.
        lake: Must be readable under its URL on every node.
        study: The parent run.
        placement: Resources.
        on_event: Called in this process after every epoch and every end of a trial.

    Returns:
        One outcome a trial, in their order.

    Raises:
        PlacementError: No node of the cluster can hold a trial.
    """
    with _cluster():
        gpus = _gpus_per_process(placement)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        room = room_for(nodes, cpus=placement.cpus, gpus=gpus, processes=placement.processes)
        alone = placement.processes == 1
        watcher = _Watcher({trial.spec.trial_id: trial for trial in trials}, on_event)
        tuner = tune.Tuner(
            # Of several processes each asks for its own place; the function that starts them needs none, but Tune wants
            # one to be named.
            tune.with_resources(_train, {"cpu": placement.cpus, "gpu": gpus} if alone else {"memory": 1}),
            param_space={
                "spec": tune.grid_search([trial.spec.to_dict() for trial in trials]),
                "lake": lake.url,
                "tracking_uri": study.tracking_uri,
                "study": study.study,
                "parent_run": study.run_id,
                "processes": placement.processes,
                "resources": {"CPU": placement.cpus, **({"GPU": gpus} if gpus else {})},
            },
            tune_config=tune.TuneConfig(
                reuse_actors=True,  # a new process costs 5 s of imports
                max_concurrent_trials=placement.max_concurrent
                if alone
                else min(placement.max_concurrent or room, room),
                trial_name_creator=_trial_id,
                trial_dirname_creator=_trial_id,  # the default holds the whole config
            ),
            run_config=tune.RunConfig(
                name=f"{study.study}-{datetime.now(UTC):%Y%m%dT%H%M%S}",
                storage_path=placement.storage,
                callbacks=[watcher],
                verbose=0,
            ),
        )
        results = tuner.fit()
    ended = [results[place] for place in range(len(results))]
    errors = {_id_of(result.config): result.error for result in ended if result.config is not None}
    return [_outcome(trial, errors) for trial in trials]


def _train(config: dict[str, Any]) -> None:
    """One trial, in a worker process of Ray."""
    folder = str(Path(tune.get_context().get_trial_dir() or ".").resolve() / "trial")
    if config["processes"] == 1:
        _run({**config, "folder": folder}, tune.report)
    else:
        _train_together({**config, "folder": folder})


def _train_together(config: dict[str, Any]) -> None:
    """One trial of several processes: Ray Train places them and sets up `torch.distributed`."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    def work(config: dict[str, Any]) -> None:
        import ray.train

        _run(config, ray.train.report)

    folder = Path(config["folder"])
    TorchTrainer(
        work,
        train_loop_config=config,
        scaling_config=ScalingConfig(
            num_workers=config["processes"],
            use_gpu=config["resources"].get("GPU", 0) > 0,
            resources_per_worker=config["resources"],
        ),
        run_config=RunConfig(
            name="processes",
            storage_path=str(folder.parent),
            callbacks=[TuneReportCallback()],  # type: ignore[list-item] # the hints are those of the older RunConfig
        ),
    ).fit()


def _run(config: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> None:
    """This process's part of a trial; `report` is told of every epoch."""
    import torch

    from datasets.node_cache import NodeCache
    from training.epoch import Progress
    from training.processes import Processes
    from training.trial import assist_trial, run_trial

    def tell(progress: Progress) -> None:
        if progress.row is not None:
            report({"epoch": progress.epoch + 1, "val/f1": progress.row.val_f1})

    # Ray gives a worker OMP_NUM_THREADS by its CPUs; torch in a reused process must be told.
    torch.set_num_threads(max(1, int(os.environ.get("OMP_NUM_THREADS", "1"))))
    spec, lake, cache = TrialSpec.from_dict(config["spec"]), Lake.open(config["lake"]), NodeCache.default()
    if Processes.current().is_first:
        tracker = MlflowTracker(config["tracking_uri"], config["study"], config["parent_run"])
        run_trial(spec, lake, tracker, folder=Path(config["folder"]), cache=cache, progress=tell)
    else:
        assist_trial(spec, lake, cache=cache, progress=tell)


class _Watcher(tune.Callback):
    """Turns what Tune tells a callback into events."""

    def __init__(self, trials: dict[str, Trial], on_event: Callable[[Event], None]) -> None:
        self._trials = trials
        self._on_event = on_event
        self._epochs: dict[str, int] = {}

    def __getstate__(self) -> dict[str, object]:
        """Tune pickles its callbacks for a restore, which is not how we resume; a terminal cannot travel."""
        return {"_trials": self._trials, "_epochs": {}, "_on_event": _unheard}

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Any],
        trial: Any,
        result: dict[str, Any],
        **info: object,
    ) -> None:
        if "epoch" in result:
            self._epochs[_trial_id(trial)] = int(result["epoch"])
            self._send(trial, {"val/f1": float(result["val/f1"])})

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: object) -> None:
        self._send(trial, {}, ended=True)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: object) -> None:
        self._send(trial, {}, ended=True, failed=True)

    def _send(
        self,
        trial: Any,
        metrics: dict[str, float],
        *,
        ended: bool = False,
        failed: bool = False,
    ) -> None:
        name = _trial_id(trial)
        epoch = self._epochs.get(name, 0)
        self._on_event(Event(trial=self._trials[name], epoch=epoch, metrics=metrics, ended=ended, failed=failed))


def _unheard(event: Event) -> None:
    """Listener of a watcher that was sent elsewhere."""


@contextmanager
def _cluster() -> Iterator[None]:
    """Joins or starts a cluster whose workers run this very code."""
    told = {"ICEBENCH_GIT_COMMIT": git_commit(), "ICEBENCH_OUTBOX": str(outbox_folder())}
    environment: dict[str, Any] = {"env_vars": told}
    if not shipped_by_job():  # Ray refuses two working folders
        environment |= {"working_dir": str(ROOT), "excludes": _NOT_SHIPPED}
    os.environ.setdefault(
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
    )  # keep CUDA_VISIBLE_DEVICES as it is, without a warning
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # Tune's own reporter prints each failure; our watcher does
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
        ray.init(runtime_env=environment, logging_level=logging.ERROR, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


def _gpus_per_process(placement: Placement) -> float:
    if placement.gpus is not None:
        return placement.gpus
    return 1.0 if ray.cluster_resources().get("GPU", 0) > 0 else 0.0


def _id_of(config: dict[str, Any]) -> str:
    return TrialSpec.from_dict(config["spec"]).trial_id


def _trial_id(trial: Any) -> str:
    return _id_of(trial.config)


def _outcome(trial: Trial, errors: dict[str, Exception | None]) -> Outcome:
    if trial.spec.trial_id not in errors:
        return Outcome(trial=trial, error="it never ran")
    error = errors[trial.spec.trial_id]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] if error is not None else []
    return Outcome(trial=trial, error=None if error is None else (lines[-1] if lines else type(error).__name__))
