"""`Platform`: ports, keys and addresses of a platform, and the two files that keep them, for their owner only."""

import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.errors import IceBenchError
from infra.platform.ports import is_free, named_ports
from infra.platform.services import HEAD_PORTS, RAY_ON_LOOPBACK, S3_PORTS

BUCKET: Final = "icebench"
MARK: Final = "ICEBENCH_PLATFORM"
"""Variable that every process of a platform has: the folder of the platform."""
USUAL: Final = {"s3": 8333, "mlflow": 5000, "dashboard-port": 8265}
"""Ports that people know these servers by, taken where they are free."""
GIVEN: Final = {"s3": "--s3-port", "mlflow": "--mlflow-port", "dashboard-port": "--dashboard-port"}

_FILE: Final = "platform.json"
_FOREIGN: Final = ("AWS_", "MLFLOW_", "RAY_")
"""Variables of whoever starts the platform that would lead its servers elsewhere."""


class PlatformError(IceBenchError, RuntimeError):
    """The platform cannot be started as it was asked for."""


class Keys(BaseModel):
    """Made once, by the kernel's random numbers; never printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_key: str
    secret_key: str
    ray_token: str
    jwt: tuple[str, str, str]

    @classmethod
    def new(cls) -> "Keys":
        """New ones."""
        return cls(
            access_key=secrets.token_hex(10),
            secret_key=secrets.token_hex(20),
            ray_token=secrets.token_hex(32),
            jwt=(secrets.token_hex(16), secrets.token_hex(16), secrets.token_hex(16)),
        )


class Platform(BaseModel):
    """A platform that was started in a folder, now or earlier.

    Attributes:
        folder: Absolute; holds all that is kept: objects, runs, logs, keys.
        demo: Whether jobs see the sample lake and train for a minute only.
        ports: By name, see `infra.platform.services`.
        keys: See there.
        ray_folder: Temporary folder of Ray, made anew at every start.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    demo: bool
    ports: Mapping[str, int]
    keys: Keys
    ray_folder: str = ""

    @property
    def s3(self) -> str:
        """Address of the S3 server."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def mlflow(self) -> str:
        """Address of MLflow's server."""
        return f"http://127.0.0.1:{self.ports['mlflow']}"

    @property
    def dashboard(self) -> str:
        """Address of Ray's dashboard, which takes jobs too."""
        return f"http://127.0.0.1:{self.ports['dashboard-port']}"

    @property
    def lake(self) -> str:
        """URL of the lake that jobs see; the sample's is another one than that of real scenes."""
        return f"s3://{BUCKET}/demo/lake" if self.demo else f"s3://{BUCKET}/lake"

    @property
    def env_file(self) -> Path:
        """What another terminal sources."""
        return self.folder / "env"

    @property
    def logs(self) -> Path:
        """Folder of all logs."""
        return self.folder / "logs"

    def variables(self) -> dict[str, str]:
        """What clients need: in other terminals, and in jobs."""
        return {
            "AWS_ENDPOINT_URL": self.s3,
            "AWS_ACCESS_KEY_ID": self.keys.access_key,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "MLFLOW_TRACKING_URI": self.mlflow,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "RAY_API_SERVER_ADDRESS": self.dashboard,
            "RAY_ADDRESS": f"127.0.0.1:{self.ports['port']}",
            "RAY_AUTH_MODE": "token",
            **RAY_ON_LOOPBACK,
            "RAY_AUTH_TOKEN": self.keys.ray_token,
            "ICEBENCH_LAKE": self.lake,
            "ICEBENCH_STORAGE": self.lake.removesuffix("lake") + "ray",
            **({"ICEBENCH_SMOKE": "1", "ICEBENCH_TASK": "pixel"} if self.demo else {}),
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def environment(self) -> dict[str, str]:
        """Of a process that works with the platform: the caller's, without what would lead it elsewhere."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
        return {**kept, "PATH": path, **self.variables()}

    def object_store_secrets(self) -> dict[str, str]:
        """Variables without which the filer of SeaweedFS would serve everybody who knows its port."""
        names = ("WEED_JWT_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_READ_KEY")
        return dict(zip(names, self.keys.jwt, strict=True))

    def save(self) -> None:
        """Writes both files; nobody but the owner can read them, or look into the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for kept in (self.logs, self.folder / "s3"):
            kept.mkdir(exist_ok=True)
        write_private(self.folder / _FILE, self.model_dump_json(indent=1))
        bin_folder = shlex.quote(str(Path(sys.executable).parent))
        lines = [
            "# Addresses and keys of the platform that runs in this folder: `source` it.",
            "unset AWS_PROFILE AWS_SESSION_TOKEN",
            f'export PATH={bin_folder}:"$PATH"',
            *(f"export {name}={shlex.quote(value)}" for name, value in self.variables().items()),
        ]
        write_private(self.env_file, "\n".join(lines) + "\n")


def load(folder: Path) -> Platform | None:
    """The platform that was last started in the folder, running or not; None if there was none.

    Raises:
        PlatformError: Its file cannot be used.
    """
    path = folder / _FILE
    try:
        return Platform.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise PlatformError(
            f"{str(path)!r} cannot be used ({type(error).__name__}): it holds the keys of the platform in this folder; "
            "put it back, or give another --folder"
        ) from error


def prepare(folder: Path, *, demo: bool, given: Mapping[str, int]) -> Platform:
    """The platform to start in the folder: keys and ports as before, as far as nobody else has taken those meanwhile.

    Args:
        folder: Absolute.
        demo: See `Platform`.
        given: Ports that the caller insists on, by the names of `GIVEN`.

    Raises:
        PlatformError: A given port is taken.
    """
    for name, port in given.items():
        if not is_free(port, with_grpc=name == "s3"):
            also = f" or {port + 10_000}, which goes with it," if name == "s3" else ""
            raise PlatformError(
                f"{GIVEN[name]} {port}: this port{also} is taken; give another one, or leave the option out"
            )
    before = load(folder)
    wanted = {**USUAL, **(before.ports if before else {}), **given}
    ports = named_ports(S3_PORTS, with_grpc=True, wanted=wanted) | named_ports(["mlflow", *HEAD_PORTS], wanted=wanted)
    return Platform(folder=folder, demo=demo, ports=ports, keys=before.keys if before else Keys.new())


def write_private(path: Path, text: str) -> None:
    """Writes a file in one step; at no time can anybody else read it."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
