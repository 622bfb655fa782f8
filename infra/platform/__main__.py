"""Command line: `python -m infra.platform up | down`; `make platform` and `make platform-down` type it."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from filelock import FileLock, Timeout

from datasets.errors import IceBenchError
from datasets.plural import plural
from datasets.process.checkout import ROOT
from datasets.process.ray_trouble import lost_in_a_shell
from datasets.process.terminal import CommandLine, err, tell, user_errors
from infra.platform.state import PlatformError

_NEEDED: Final = {"supervisor": "supervisor", "boto3": "boto3", "psutil": "psutil", "mlflow": "mlflow", "ray": "ray"}
_LONGEST_RAY_FOLDER: Final = 40
"""Characters of Ray's temporary folder, below which the paths of its sockets still fit."""

app = CommandLine(help="The whole platform on this machine: an S3 server, MLflow and Ray, on loopback only.")

Folder = Annotated[
    Path, typer.Option(help="Where objects, runs, keys and logs are kept (without: data/platform).", metavar="FOLDER")
]
Port = Annotated[
    int | None, typer.Option(min=1024, max=65535, metavar="PORT", help="Without: the usual one if it is free.")
]
HOME: Final = ROOT / "data" / "platform"


@app.command()
def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Build the sample lake into the bucket; jobs see it and train for a minute.")
    ] = False,
    folder: Folder = HOME,
    s3_port: Port = None,
    mlflow_port: Port = None,
    dashboard_port: Port = None,
) -> None:
    """Start what does not run, wait until all of it is healthy, and print what to type next."""
    with user_errors():
        _check_installed()
        if lost_in_a_shell(sys.executable):
            raise PlatformError(
                f"a Ray that is started by {sys.executable!r} cannot start its workers, since their shell ends a path "
                "at a space or a special character: move the project to a path without, and install it there anew"
            )
        from infra.platform import processes, sample_lake, supervision
        from infra.platform.instructions import experiment_of, instructions
        from infra.platform.state import load, prepare

        folder = folder.expanduser().absolute()
        asked = {"s3": s3_port, "mlflow": mlflow_port, "dashboard-port": dashboard_port}
        given = {name: port for name, port in asked.items() if port is not None}
        with _alone(folder):
            platform = load(folder)
            if platform is not None and processes.supervisor_of(folder) is not None:
                changed = [name for name, port in given.items() if platform.ports[name] != port]
                if (demo and not platform.demo) or changed:
                    what = "with other ports" if changed else "without --demo"
                    raise PlatformError(
                        f"a platform runs in {str(folder)!r} already, {what}: end it first, `{_down(folder)}`"
                    )
                tell(f"a platform runs in {folder} already", err)
                os.environ.update(platform.variables())
            else:
                if left := processes.end(folder, patience_s=supervision.STOP_S):
                    tell(f"ended {plural(left, 'process', 'processes')} of a platform that lost its supervisor", err)
                if platform is not None:
                    shutil.rmtree(platform.ray_folder, ignore_errors=True)
                prepared = prepare(folder, demo=demo, given=given)
                ray_folder = tempfile.mkdtemp(prefix="icebench-", dir=_short_folder())
                platform = prepared.model_copy(update={"ray_folder": ray_folder})
                platform.save()
                os.environ.update(platform.variables())
                supervision.start(platform)
            try:
                supervision.wait_healthy(platform, lambda line: tell(line, err))
                if platform.demo:
                    sample_lake.build(platform, lambda line: tell(line, err))
                scene = sample_lake.first_scene(platform.lake)
                experiment = experiment_of(platform)
            except IceBenchError as error:
                tell(f"{error}; it still runs: `{_down(folder)}` ends it", err)
                raise typer.Exit(1) from error
        tell(instructions(platform, experiment, scene, _down(folder)))


@app.command()
def down(folder: Folder = HOME) -> None:
    """End all processes of the platform; everything that it keeps stays for the next start."""
    with user_errors():
        _check_installed()
        from infra.platform import processes, supervision
        from infra.platform.state import load

        folder = folder.expanduser().absolute()
        if not folder.exists():
            tell(f"nothing runs in {folder}")
            return
        with _alone(folder):
            ended = processes.end(folder, patience_s=3 * supervision.STOP_S + 10)
            left = processes.living(folder)
            platform = load(folder)
            if platform is not None and not left:
                supervision.keep_ray_logs(platform)
        if left:
            raise PlatformError(
                f"{plural(len(left), 'process does', 'processes do')} not end: "
                f"{', '.join(str(process.pid) for process in left)}"
            )
        kept = f"ended {plural(ended, 'process', 'processes')}; objects, runs and keys stay in {folder}"
        tell(kept if ended else f"nothing runs in {folder}")


@app.command(hidden=True)
def serve(name: Annotated[Literal["s3", "mlflow", "ray"], typer.Argument()]) -> None:
    """Become one of the servers; supervisord calls this."""
    from infra.platform.serve import become
    from infra.platform.state import MARK, load

    platform = load(Path(os.environ[MARK]))
    assert platform is not None, "`up` saves it first"
    become(platform, name)


def _check_installed() -> None:
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise PlatformError(f"the platform needs {', '.join(missing)}: pip install -e '.[platform]'")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One `up` or `down` of a folder at a time."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout:
        raise PlatformError(f"another command starts or ends the platform in {str(folder)!r}: wait for it") from None
    except OSError as error:
        raise PlatformError(f"{str(folder)!r} cannot be written ({error.strerror}): give another --folder") from error


def _short_folder() -> str:
    """Where Ray's sockets fit: the folder of temporary files, or /tmp where its path is too long."""
    usual = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    return usual if len(usual) + len("/icebench-12345678") <= _LONGEST_RAY_FOLDER else "/tmp"


def _down(folder: Path) -> str:
    return (
        "make platform-down" if folder == HOME else f"python -m infra.platform down --folder {shlex.quote(str(folder))}"
    )


if __name__ == "__main__":
    app()
