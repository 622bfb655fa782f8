"""Keys and addresses: for their owner only, the same at every start, and good in any shell."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from infra.platform.state import Platform, PlatformError, load, prepare
from tests.free_ports import free_ports
from tests.infra.platform.test_ports import listening


def drawn_ports() -> dict[str, int]:
    """Given at the first start, since tests that run at the same time would all take the usual ones."""
    return {
        "s3": free_ports(1, with_grpc=True)[0],
        **dict(zip(("mlflow", "dashboard-port"), free_ports(2), strict=True)),
    }


def prepared(folder: Path, *, demo: bool = False) -> Platform:
    platform = prepare(folder, demo=demo, given={} if load(folder) else drawn_ports())
    platform.save()
    return platform


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    os.umask(before := os.umask(0))
    try:
        os.umask(0)
        platform = prepared(tmp_path / "platform")
    finally:
        os.umask(before)
    assert stat.S_IMODE(platform.folder.stat().st_mode) == 0o700
    files = [path for path in platform.folder.iterdir() if path.is_file()]
    assert {path.name for path in files} == {"env", "platform.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_another_start_has_the_same_keys_and_the_ports_that_are_still_free(tmp_path: Path) -> None:
    first = prepared(tmp_path)
    with listening(first.ports["mlflow"]):
        second = prepared(tmp_path)
    assert second.keys == first.keys
    changed = {name for name, port in second.ports.items() if first.ports[name] != port}
    assert changed == {"mlflow"}
    assert load(tmp_path) == second


def test_no_two_platforms_share_a_key(tmp_path: Path) -> None:
    one, other = prepared(tmp_path / "one").keys, prepared(tmp_path / "other").keys
    assert len({*one.jwt, *other.jwt, one.secret_key, other.secret_key, one.ray_token, other.ray_token}) == 10


@pytest.mark.parametrize(("name", "option"), [("s3", "--s3-port"), ("dashboard-port", "--dashboard-port")])
def test_a_given_port_that_is_taken_is_refused(name: str, option: str, tmp_path: Path) -> None:
    (port,) = free_ports(1, with_grpc=True)
    with listening(port), pytest.raises(PlatformError, match=f"{option} {port}: this port.* is taken"):
        prepare(tmp_path, demo=False, given={name: port})
    assert prepare(tmp_path, demo=False, given={name: port}).ports[name] == port


def test_a_file_of_state_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "platform.json").write_text("{")
    with pytest.raises(PlatformError, match="holds the keys of the platform"):
        load(tmp_path)
    assert load(tmp_path / "none") is None


def test_a_shell_gets_what_clients_get(tmp_path: Path) -> None:
    platform = prepared(tmp_path / "My $platform's (1)")
    said = subprocess.run(
        [shutil.which("bash") or "bash", "--norc", "-c", 'source "$0" && env', str(platform.env_file)],
        env={
            "PATH": "/usr/bin:/bin",
            "AWS_PROFILE": "somebody",
            "AWS_SESSION_TOKEN": "old",
            "HTTP_PROXY": "http://p:1",
        },
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    got = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    assert platform.variables().items() <= got.items()
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & got.keys()
    assert not {*platform.keys.jwt} & set(got.values()), "what only the object store needs"


def test_servers_are_not_led_elsewhere_by_who_starts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "MLFLOW_TRACKING_TOKEN", "RAY_NAMESPACE", "RAY_ADDRESS"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("ICEBENCH_CPUS_PER_TRIAL", "3")
    environment = prepared(tmp_path).environment()
    assert "elsewhere" not in environment.values()
    assert environment["ICEBENCH_CPUS_PER_TRIAL"] == "3"


def test_the_sample_never_meets_real_scenes(tmp_path: Path) -> None:
    demo, real = prepared(tmp_path, demo=True), prepared(tmp_path)
    assert (demo.lake, demo.variables()["ICEBENCH_SMOKE"]) == ("s3://icebench/demo/lake", "1")
    assert (real.lake, "ICEBENCH_SMOKE" in real.variables()) == ("s3://icebench/lake", False)
    storages = {each.variables()["ICEBENCH_STORAGE"] for each in (demo, real)}
    assert storages == {"s3://icebench/demo/ray", "s3://icebench/ray"}
