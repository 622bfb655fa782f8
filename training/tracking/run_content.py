"""What a run of MLflow holds of a trial: params, metrics, tags of its code; and how what older programs wrote is read.

MLflow's pages draw a chart for each metric: the few that a person looks at first stay on top. All others of a trial,
over a hundred, go into one group that its pages put last. Only the names in MLflow differ: programs write and read
`test/class/old_ice/f1`, whatever it is called there.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from datasets.process.checkout import git_commit
from training.spec import TrialSpec
from training.spec.data import task_word
from training.spec.identity import CAME_WITH, FIRST
from training.tracking.mlflow_client import SOURCE

_PARAM_LIMIT: Final = 6000
"""Longest param value that MLflow takes (mlflow.utils.validation.MAX_PARAM_VAL_LENGTH)."""

TOP: Final = frozenset({"lr", "train/loss", "test_80m/f1", "test_80m/f1_macro"})
"""Metrics on top, beside the curves of the val scenes."""
_CURVES: Final = "val/"
_ZOOM: Final = "zoom/"
"""Group of all others: a closer look; it comes behind `train` and `val`, since MLflow sorts groups by letter."""


def params_of(spec: TrialSpec) -> dict[str, str]:
    """The flattened spec as the params of a run: text, and cut where it is too long for one."""
    texts = {name: "" if value is None else str(value) for name, value in spec.flat().items()}
    return {
        name: text if len(text) <= _PARAM_LIMIT else f"{text[: _PARAM_LIMIT - 3]}..." for name, text in texts.items()
    }


def params_today(found: Mapping[str, str]) -> dict[str, str]:
    """Params of a run of MLflow as this program writes them: later fields have their first default, tasks their word.

    Params of a run that is no trial are given back as they are.
    """
    if "data.task" not in found:
        return dict(found)
    return {**_first_defaults(TrialSpec), **found, "data.task": task_word(found["data.task"])}


@cache
def _first_defaults(spec: type[TrialSpec]) -> dict[str, str]:
    """Params of later fields in runs from before they were there."""
    before = spec().with_all(CAME_WITH)
    return {name: value for name, value in params_of(before).items() if name not in FIRST}


def source_tags(name: str) -> dict[str, str]:
    """Tags with the code of a run: ours, and those that MLflow shows as its source; `name` is the program."""
    commit = git_commit()
    return {
        "git_commit": commit,
        SOURCE: name,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": commit.removesuffix("-dirty"),
    }


def shown_name(name: str) -> str:
    """Name in MLflow: `test/class/old_ice/f1` -> `zoom/test.class.old_ice.f1`; each slash would open another group."""
    if name in TOP or name.startswith(_CURVES):
        return name
    return _ZOOM + name.replace("/", ".")


def metrics_today(found: Mapping[str, float]) -> dict[str, float]:
    """Metrics of a run of MLflow by their names in programs, also where an older program wrote it."""
    return {
        name.removeprefix(_ZOOM).replace(".", "/") if name.startswith(_ZOOM) else name: value
        for name, value in found.items()
    }
