"""Networks of our own, a store of MLflow with baselines on the tiny lake, and checkpoints of both tasks."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.lake import Lake
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from tests.one_thread import one_thread
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
from training.trial import run_trial

__all__ = ["one_thread"]

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


@pytest.fixture(scope="session")
def own_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder with my_models.py as docs/models.md has it."""
    (template,) = re.findall(r"```python\n(# my_models.py.*?)```", PAGE.read_text(), flags=re.DOTALL)
    folder = tmp_path_factory.mktemp("own-models")
    (folder / "my_models.py").write_text(template)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    sys.modules.pop("my_models", None)


@pytest.fixture(scope="session")
def baselines(tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of MLflow where the study base_model has a network of two seeds and a worse one of one seed."""
    folder = tmp_path_factory.mktemp("baselines")
    uri = fresh_database(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_OUTBOX", str(tmp_path_factory.mktemp("outbox-of-baselines")))
        study = StudyTracker.open(uri, study="base_model", lake=tiny_lake.digest, question="Which network?")
        for seed, filters in ((0, [4, 4, 8]), (1, [4, 4, 8])):
            spec = small_spec.with_all({"seed": seed, "model.params.filters": filters, "loop.max_epochs": 1})
            tracker = MlflowTracker(uri, study.study, study.run_id)
            run_trial(spec, tiny_lake, tracker, folder=folder / spec.trial_id)
        study.finish("FINISHED")
    return uri
