"""What trials will cost, by finished ones."""

from sweeps.design.point import Point, point_of
from sweeps.launch.estimate import TrialCost, estimates, finished_on
from tests.sweeps.launch.small_study import SPEC
from training.attribution.settings import AttributionSettings
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import params_of
from training.tracking.past_runs import PastRun


def trial(**changes: object) -> Point:
    spec = {name.replace("__", "."): value for name, value in changes.items()}
    return point_of(SPEC, spec, {}, int(spec.pop("seed", 0)))  # type: ignore[call-overload]


def run(spec: TrialSpec, seconds: float, gpu_hours: float = 0.0, **tags: str) -> PastRun:
    cost = {"seconds": seconds, "gpu_hours": gpu_hours, "cpu_hours": 1.0, "peak_memory_mib": seconds, "parameters": 5.0}
    return PastRun(params=params_of(spec.with_("data.lake", "lake1")), tags={"lake": "lake1", **tags}, cost=cost)


def seconds_of(found: list[TrialCost | None]) -> list[tuple[str, float] | None]:
    return [None if cost is None else (cost.source, cost.seconds) for cost in found]


def test_the_same_settings_count_before_alike_ones() -> None:
    past = [run(SPEC.with_("seed", 1), 10), run(SPEC.with_("seed", 2), 30), run(SPEC.with_("optimizer.lr", 0.5), 100)]
    asked = [
        trial(),
        trial(optimizer__lr=0.125),  # no trial had it, but its steps take as long
        trial(data__patch_size=24),
        trial(loop__max_epochs=9),
        trial(model__params={"filters": [8, 8]}),
    ]
    found = estimates(asked, past)
    assert seconds_of(found) == [("same", 20), ("alike", 30), None, None, None]
    assert found[0] == TrialCost(source="same", seconds=20, gpu_hours=0, cpu_hours=1, memory_mib=30, parameters=5)


def test_where_some_ran_on_gpus_only_these_count() -> None:
    (found,) = estimates([trial()], [run(SPEC, 1000), run(SPEC, 10, gpu_hours=0.5), run(SPEC, 1100)])
    assert found is not None
    assert (found.seconds, found.gpu_hours) == (10, 0.5)


def test_an_attribution_is_not_its_training() -> None:
    settings = AttributionSettings.of(method="integrated_gradients", steps=4)
    explained = Point(labels={}, spec=SPEC, attribution=settings)
    of_training = run(SPEC, 10)
    tags = {f"attribution.{name}": str(value) for name, value in settings.model_dump().items()}
    assert seconds_of(estimates([explained, trial()], [of_training])) == [None, ("same", 10)]
    found = estimates([explained, trial()], [run(SPEC, 7, **tags)])
    assert seconds_of(found) == [("same", 7), None]


def test_what_has_finished_is_counted_by_lake() -> None:
    past = [run(SPEC, 10), run(SPEC.with_("seed", 1), 10), run(SPEC.with_("seed", 1), 10)]
    assert finished_on([trial(seed=seed) for seed in range(3)], past) == {"lake1": 2}
