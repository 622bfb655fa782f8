"""The login at a server: where it is found, and that a machine keeps its own."""

from pathlib import Path

import pytest

from training.tracking.login import Login


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "")


def test_where_it_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Login.found() == Login()
    assert Login.found().header() == {}
    (tmp_path / ".mlflow").mkdir()
    text = "[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = 50%\n"
    (tmp_path / ".mlflow" / "credentials").write_text(text)
    assert Login.found() == Login(user="ann", password="50%")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bob")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert Login.found() == Login(user="bob", password="secret")
    assert "secret" not in repr(Login.found())
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
    assert Login.found().header() == {"Authorization": "Bearer t"}


def test_a_machine_without_takes_that_of_the_driver_and_others_keep_theirs() -> None:
    Login(user="ann", password="secret").use()
    assert Login.found() == Login(user="ann", password="secret")
    Login(token="t").use()
    Login().use()
    assert Login.found() == Login(user="ann", password="secret")
