"""MLflow's server: compose file, start script and object store against the programs that they start."""

import json
import re
import shutil
import subprocess
import sys
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import mlflow.environment_variables
import yaml

from tests.infra.cluster_files import IMAGE_LOCK, INFRA, documents, environment, locked

COMPOSE = INFRA / "mlflow" / "compose.yaml"
SERVE = INFRA / "mlflow" / "serve.sh"

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own type hints
    from mlflow.cli import server


def services() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def test_the_compose_schema_takes_it() -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(yaml.safe_load(COMPOSE.read_text()), json.loads(schema.read_text()))


def test_everything_listens_on_this_machine_only() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:5000:5000", "127.0.0.1:8333:8333"]


def test_images_have_versions_and_the_store_is_the_one_of_the_tests() -> None:
    images = {name: service["image"] for name, service in services().items() if "build" not in service}
    assert all(re.search(r":\d", image) for image in images.values())
    weed = subprocess.run([weed_binary(), "version"], capture_output=True, text=True).stdout
    tag = images["objects"].partition(":")[2]
    assert f" {tag} " in weed
    (postgres,) = [
        container["image"]
        for each in documents("mlflow/kubernetes.yaml")
        if each["kind"] == "StatefulSet"
        for container in each["spec"]["template"]["spec"]["containers"]
    ]
    assert postgres == images["postgres"]


def weed_binary() -> str:
    return shutil.which("weed") or str(Path(sys.executable).with_name("weed"))


def test_flags_of_the_object_store_exist() -> None:
    _, mini, *flags = services()["objects"]["command"]
    done = subprocess.run([weed_binary(), "help", mini], capture_output=True, text=True)
    known = set(re.findall(r"^  -(\S+)", done.stdout + done.stderr, flags=re.MULTILINE))
    assert len(known) > 50
    assert {flag.removeprefix("-").partition("=")[0] for flag in flags} <= known


def test_flags_and_variables_of_the_server_exist() -> None:
    script = SERVE.read_text()
    (command,) = re.findall(r"^exec mlflow server (.*)$", script, flags=re.MULTILINE)
    options = {option for parameter in server.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", command)) <= options
    variables = {str(parameter.envvar) for parameter in server.params if getattr(parameter, "envvar", None)}
    variables |= {name for name in vars(mlflow.environment_variables) if name.startswith("MLFLOW_")}
    assert set(re.findall(r"MLFLOW_\w+", script)) <= variables


def test_the_server_asks_for_passwords_checks_hosts_and_starts_no_job_runner() -> None:
    script = SERVE.read_text()
    assert "--app-name basic-auth" in script
    assert '"${MLFLOW_SERVER_ALLOWED_HOSTS:?' in script
    assert "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false" in script
    assert "MLFLOW_DISABLE_TELEMETRY=true" in script


def test_both_ways_to_start_it_give_the_script_all_that_it_needs() -> None:
    needed = set(re.findall(r"\$\{(MLFLOW_\w+):\?", SERVE.read_text()))
    assert len(needed) == 5
    (deployment,) = [each for each in documents("mlflow/kubernetes.yaml") if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert needed <= services()["mlflow"]["environment"].keys()
    assert needed <= {variable["name"] for variable in container["env"]}


def test_the_script_starts_nothing_without_a_password() -> None:
    given = {"MLFLOW_BACKEND_STORE_URI": "sqlite:///x", "MLFLOW_ARTIFACTS_DESTINATION": "x", "PATH": "/usr/bin:/bin"}
    given["MLFLOW_SERVER_ALLOWED_HOSTS"] = "localhost:*"
    done = subprocess.run(["sh", SERVE], env=given, capture_output=True, text=True)
    assert done.returncode != 0
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in done.stderr


def test_the_driver_of_postgres_is_named() -> None:
    """SQLAlchemy 2.1 takes another one than psycopg2 for `postgresql://`, which the lock does not have."""
    uris = re.findall(r"postgresql\S*://", COMPOSE.read_text() + (INFRA / "mlflow" / "kubernetes.yaml").read_text())
    assert set(uris) == {"postgresql+psycopg2://"}
    assert "psycopg2-binary" in locked(INFRA / "mlflow" / "requirements.lock")


def test_mlflow_of_the_lock_is_one_version() -> None:
    assert locked(IMAGE_LOCK)["mlflow"] == locked(INFRA / "mlflow" / "requirements.lock")["mlflow"]


def test_values_that_compose_asks_for_are_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert asked <= environment().keys()
    secret = {name for name in asked if re.search("PASSWORD|KEY", name)}
    assert all(f"${{{name}:?" in COMPOSE.read_text() for name in secret)
