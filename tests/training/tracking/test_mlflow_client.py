"""Failures of MLflow as one sentence, searches of many pages, and requests that are not repeated."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.util import CommandError
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST
from requests import HTTPError
from sqlalchemy.exc import OperationalError

from tests.mlflow_server import fresh_database
from training.spec import SpecError
from training.tracking.mlflow_client import all_pages, asking, impatient, speaking
from training.tracking.server import RequestRefusedError, RunGoneError, TrackingError

URI = "http://user:secret@host:5000"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MlflowException("no", INVALID_PARAMETER_VALUE), RequestRefusedError),
        (MlflowException("no", RESOURCE_DOES_NOT_EXIST), RunGoneError),
        (MlflowException("no", INTERNAL_ERROR), TrackingError),
        (ConnectionError("http://user:secret@host:5000 is away"), TrackingError),
        (OperationalError("select", {}, Exception("database is locked")), TrackingError),
        (CommandError("Can't locate revision identified by 'abc'"), TrackingError),
        (HTTPError("401 of http://user:secret@host:5000"), TrackingError),
    ],
)
def test_failures_are_one_sentence_without_secrets(error: Exception, kind: type[TrackingError]) -> None:
    with pytest.raises(TrackingError, match="MLflow at http://host:5000") as caught, speaking(URI):
        raise error
    assert type(caught.value) is kind
    assert "secret" not in str(caught.value)


def test_mistakes_of_our_own_are_no_failures_of_a_server() -> None:
    for error in (KeyError("a"), ZeroDivisionError("b"), SpecError("c")):
        with pytest.raises(type(error)), speaking(URI):
            raise error


def test_an_artifact_that_may_not_be_written_is_refused_and_a_login_may_come_later() -> None:
    for status, kind in ((400, RequestRefusedError), (403, TrackingError), (503, TrackingError)):
        error = OSError("no")
        error.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]
        with pytest.raises(TrackingError) as caught, speaking(URI):
            raise error
        assert type(caught.value) is kind


def test_every_page_is_read() -> None:
    class Page(list[int]):
        token = ""

    def search(token: str | None) -> Page:
        number = int(token or 0)
        page = Page([number])
        page.token = str(number + 1) if number < 3 else ""
        return page

    assert all_pages(search) == [0, 1, 2, 3]


def test_requests_are_not_repeated_meanwhile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    for before in (None, "3"):
        monkeypatch.delenv(name, raising=False) if before is None else monkeypatch.setenv(name, before)
        with impatient():
            assert os.environ[name] == "0"
        assert os.environ.get(name) == before
    with asking(fresh_database(tmp_path), check=True) as client:
        assert [each.name for each in client.search_experiments()] == ["Default"]
