"""The login at a tracking server: where it is found, and how processes on other machines get it from a driver."""

import base64
import configparser
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TOKEN: Final = "MLFLOW_TRACKING_TOKEN"
_USER: Final = "MLFLOW_TRACKING_USERNAME"
_PASSWORD: Final = "MLFLOW_TRACKING_PASSWORD"


@dataclass(frozen=True, kw_only=True)
class Login:
    """What MLflow's clients log in with: the token of a bearer, or user and password; empty where there is nothing."""

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def found(cls) -> "Login":
        """That of this machine, as MLflow finds it: in the environment, else in ~/.mlflow/credentials."""
        if token := os.environ.get(_TOKEN):
            return cls(token=token)
        if user := os.environ.get(_USER):
            return cls(user=user, password=os.environ.get(_PASSWORD, ""))
        file = configparser.ConfigParser(interpolation=None)
        try:
            file.read(Path.home() / ".mlflow" / "credentials")
        except (OSError, RuntimeError):  # a home that cannot be looked into, or none
            return cls()
        user, password = (file.get("mlflow", name.lower(), fallback="") for name in (_USER, _PASSWORD))
        return cls(user=user, password=password)

    def header(self) -> dict[str, str]:
        """The header of a request."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.user:
            return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}
        return {}

    def use(self) -> None:
        """Lets clients of this process log in with it, unless this machine has a login of its own."""
        if Login.found() != Login():
            return
        values = {_TOKEN: self.token, _USER: self.user, _PASSWORD: self.password}
        os.environ.update({name: value for name, value in values.items() if value})
