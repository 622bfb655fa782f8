"""Trials to rank."""

from sweeps.record.study import TrialRow

SCORES = ("accuracy", "f1", "precision", "recall", "iou")


def trial(
    name: str = "unet",
    f1: float = 0.8,
    seed: int = 0,
    *,
    status: str = "FINISHED",
    started: int = 0,
    kind: str = "trial",
    val: float = 0.5,
    chart: str = "",
    trial_id: str = "",
    **params: str,
) -> TrialRow:
    given = {
        "model.name": name,
        "data.task": "pixel",
        "data.ratio": "2",
        "data.targets": '["SOD"]',
        "seed": str(seed),
        **{key.replace("__", "."): value for key, value in params.items()},
    }
    own = trial_id or "-".join([name, str(seed), *params.values()])
    return TrialRow(
        trial_id=own,
        run_id=f"run-{own}-{started}",
        status=status,
        started=started,
        params=given,
        tags={"kind": kind, "seed": str(seed)},
        metrics={f"test_80m/{chart}{score}": f1 for score in SCORES}
        | {f"test/{chart}{score}": f1 - 0.1 for score in SCORES}
        | {"best/val_f1": val},
    )
