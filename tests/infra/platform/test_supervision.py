"""supervisord, with one server in its care: it starts it again, and gives up where that is of no use."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from infra.platform import supervision
from infra.platform.health import healthy
from infra.platform.processes import end, living, supervisor_of
from infra.platform.state import Platform, PlatformError
from tests.infra.platform.test_ports import listening
from tests.infra.platform.test_state import prepared

pytestmark = pytest.mark.slow


@contextmanager
def started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """Only the object store; the others take longer to start, and are kept in the same way."""
    monkeypatch.setattr(supervision, "SERVICES", ("s3",))
    platform = prepared(folder)
    try:
        supervision.start(platform)
        yield platform
    finally:
        end(folder, patience_s=60)
        assert living(folder) == []


def store_of(platform: Platform) -> psutil.Process:
    supervisor = supervisor_of(platform.folder)
    assert supervisor is not None
    (store,) = supervisor.children()
    return store


@pytest.mark.slow
def test_a_server_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with started(tmp_path / "My p%s (1) #2 ;x", monkeypatch) as platform:
        said: list[str] = []
        supervision.wait_healthy(platform, said.append)
        assert said == ["s3 is healthy"]
        secrets = [platform.keys.secret_key, *platform.keys.jwt]
        assert not any(secret in (platform.folder / "supervisord.conf").read_text() for secret in secrets)
        first = store_of(platform)
        assert not any(secret in " ".join(first.cmdline()) for secret in secrets), "everybody sees the words"
        first.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 240
        while not healthy(platform, "s3"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert store_of(platform).pid != first.pid


@pytest.mark.slow
def test_a_server_that_cannot_run_is_given_up_and_its_log_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    platform = prepared(tmp_path)
    with listening(platform.ports["s3"]):
        monkeypatch.setattr("infra.platform.state.is_free", lambda *_, **__: True)
        monkeypatch.setattr("infra.platform.ports.is_free", lambda *_, **__: True)
        with (
            started(tmp_path, monkeypatch),
            pytest.raises(PlatformError, match=r"s3 ended again and again; its log .*s3"),
        ):
            supervision.wait_healthy(platform, print)


def test_no_supervisord(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PlatformError, match="supervisord did not start"):
        supervision.start(prepared(tmp_path))
