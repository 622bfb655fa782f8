"""A store of MLflow with studies to report on."""

import pytest

from tests.mlflow_server import fresh_database
from tests.sweeps.report.stored_studies import attempt, open_study


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a study of three finished trials and a failed one, on the first of two lakes."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = fresh_database(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_OUTBOX", str(tmp_path_factory.mktemp("outbox-of-reports")))
        first = open_study(uri)
        attempt(first, folder, 2, 0, "FAILED")
        for ratio, seed in ((2, 0), (2, 1), (10, 0)):
            attempt(first, folder, ratio, seed)
        attempt(first, folder, 10, 1, "FAILED")
        attempt(open_study(uri, lake="lake2", with_design=False), folder, 2, 0)
        attempt(open_study(uri, "patch_size"), folder, 2, 1)
    return uri
