"""A study of trials that take seconds, and what MLflow holds of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.lake import Lake
from sweeps.design.experiment import Arm, Experiment
from sweeps.launch.job_log import Watched
from sweeps.launch.order import Order
from sweeps.launch.placement import Placement
from sweeps.launch.plan import plan
from sweeps.launch.strategy import Strategy
from sweeps.launch.study_run import Request, StudyOutcome, run_study
from sweeps.launch.trials import Event, OnEvent
from sweeps.record.study import StudyTracker, TrialRow
from training.spec import TrialSpec

SPEC = TrialSpec.from_dict(
    {
        "data": {"ratio": 10, "patch_size": 16, "channels": ["nersc_sar_primary", "sar_incidenceangle", "t2m"]},
        "model": {"params": {"filters": [4, 4]}},
        "optimizer": {"name": "sgd", "lr": 1e-2},
        "loop": {"batch_size": 4, "batches_per_epoch": 3, "max_epochs": 2},
        "evaluation": {"fixed_ratio": None},
    }
)


def small_study(seeds: int = 2, *, base: TrialSpec = SPEC, axes: dict[str, object] | None = None) -> Experiment:
    arms = {"pixel": Arm(base=base, axes=axes or {"data.ratio": (10,)})}
    return Experiment(
        name="small",
        question="Does it?",
        arms=arms,
        seeds=tuple(range(seeds)),
        objective="test/f1",  # type: ignore[arg-type]
    )


def orders_of_nobody(count: int) -> list[Order]:
    """Trials by seed that belong to no lake and no record: for work that reads neither."""
    nowhere = {"lake": "", "tracking_uri": "", "study": "", "parent_run": "", "storage": ""}
    return [Order(spec=SPEC.with_("seed", seed), labels={"seed": str(seed)}, **nowhere) for seed in range(count)]


def request_of(
    lake: Lake,
    folder: Path,
    *,
    uri: str = "",
    strategy: Strategy | None = None,
    failed_only: bool = False,
    cpus: float = 1.0,
    max_concurrent: int | None = None,
) -> Request:
    placement = Placement(cpus=cpus, gpus=0, max_concurrent=max_concurrent, storage=str(folder / "storage"))
    return Request(
        lake_urls=(lake.url,),
        tracking_uri=uri or f"sqlite:///{folder}/mlflow.db",
        placement=placement,
        strategy=strategy or Strategy(),
        failed_only=failed_only,
    )


def run(study: Experiment, request: Request, on_event: OnEvent = lambda event: None) -> StudyOutcome:
    from tests.mlflow_server import fresh_database  # hosts of tests/many_nodes have this file alone

    if request.tracking_uri.startswith("sqlite:///"):
        fresh_database(Path(request.tracking_uri.removeprefix("sqlite:///")).parent)

    @contextmanager
    def watching(watched: Watched) -> Iterator[OnEvent]:
        yield on_event

    lakes = [Lake.open(url) for url in request.lake_urls]
    return run_study(plan(study, lakes, request.placement.storage), request, watching, lambda line: None)


def rows_of(study: StudyTracker) -> list[TrialRow]:
    return study.children_rows()


def finished_once(study: StudyTracker, trials: int) -> bool:
    """Every trial has exactly one finished run, and nothing is said to run."""
    rows = rows_of(study)
    counts = Counter(row.trial_id for row in rows if row.status == "FINISHED")
    return len(counts) == trials and set(counts.values()) == {1} and all(row.status != "RUNNING" for row in rows)


class Events:
    """Collects events, and does something once, at the first trial that tells of so many epochs."""

    def __init__(self, act: Callable[[], None] | None = None, *, epoch: int = 1) -> None:
        self.seen: list[Event] = []
        self._act = act
        self._epoch = epoch

    def __call__(self, event: Event) -> None:
        self.seen.append(event)
        if event.epoch >= self._epoch and not event.ended and self._act is not None:
            act, self._act = self._act, None
            act()

    def first_epochs(self) -> Counter[str]:
        """How often each trial reported its first epoch: once, unless it began again."""
        return Counter(event.name for event in self.seen if event.epoch == 1 and not event.ended)
