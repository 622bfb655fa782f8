"""Scored trials of invented quality: for the tests of comparisons."""

from sweeps.compare.entries import compare_entries
from sweeps.record.study import TrialRow
from sweeps.report.evidence import FinishedTrial
from tests.invented_studies import result, scenes


def entry(
    name: str, quality: float, seed: int = 0, *, started: int = 0, n_scenes: int = 20, **params: str
) -> FinishedTrial:
    found = result(scenes(n_scenes), quality, seed)
    own = f"{name}-{seed}-{'-'.join(params.values())}"
    given = {
        "model.name": name,
        "data.task": "pixel",
        "data.ratio": "2",
        "data.targets": '["SOD"]',
        "evaluation.fixed_ratio": "2",
        "data.lake": "lake",
        "seed": str(seed),
    }
    row = TrialRow(
        trial_id=own,
        run_id=f"run-{own}-{started}",
        status="FINISHED",
        started=started,
        params=given | {key.replace("__", "."): value for key, value in params.items()},
        tags={"seed": str(seed)},
        metrics=found.metrics,
    )
    return FinishedTrial(key=(), row=row, result=found)


def compared(own: list[FinishedTrial], others: list[FinishedTrial]):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return compare_entries(own, others, lake="lake", recipe="recipe", uri="")
