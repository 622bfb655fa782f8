"""env.example is what the code reads, nothing more and nothing less."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.infra.cluster_files import INFRA, ROOT, documents, environment, files, rendered

ROOMS = ("ingest", "datasets", "training", "sweeps")

NOT_OF_PEOPLE = {"RAY_JOB_CONFIG_JSON_ENV_VAR", "PYTHONPATH"}
"""What Ray tells the driver of a job, and what Python reads anyway: nothing for a person to set here."""

READ_BY = {
    "botocore": ["configprovider.py", "credentials.py", "session.py"],
    "google.auth": ["environment_vars.py"],
    "mlflow": [
        "environment_variables.py",
        "tracking/_tracking_service/utils.py",
        "cli/__init__.py",
        "utils/cli_args.py",
    ],
    "ray": [
        "_private/ray_constants.py",
        "_private/authentication_test_utils.py",
        "_private/authentication/authentication_token_setup.py",
        "dashboard/consts.py",
        "dashboard/modules/job/cli.py",
    ],
}
"""Where libraries keep the names of variables that they read."""


def strings_of_module(tree: ast.Module) -> dict[str, str]:
    """Module constants that are strings: names of variables may be kept in them."""
    found: dict[str, str] = {}
    for node in tree.body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            found[target.id] = value.value
    return found


def names_read(source: str) -> set[str]:
    """Names that a module reads: os.environ.get, os.getenv, os.environ[...], `in os.environ`, typer's envvar."""
    tree = ast.parse(source)
    constants = strings_of_module(tree)

    def text(node: ast.expr) -> set[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return {node.value}
        return {constants[node.id]} if isinstance(node, ast.Name) and node.id in constants else set()

    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) in ("os.environ.get", "os.getenv", "environ.get"):
                found |= text(node.args[0])
            found |= {name for word in node.keywords if word.arg == "envvar" for name in text(word.value)}
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            found |= text(node.slice) if ast.unparse(node.value) == "os.environ" else set()
        elif isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]) == "os.environ":
            found |= text(node.left)
    return found


def read_by_the_code() -> set[str]:
    sources = [path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return set().union(*map(names_read, sources)) - NOT_OF_PEOPLE


def filled_in() -> set[str]:
    """Names that manifests are filled in from, by render.py or by compose."""
    texts = [path.read_text() for path in files() if path.suffix in (".yaml", ".json")]
    return {name for text in texts for name in re.findall(r"\$\{([A-Z][A-Z0-9_]*)[:}]", text)} - {"NAMES"}


def source_of(library: str, module: str) -> str:
    spec = find_spec(library)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(next(iter(spec.submodule_search_locations))) / module
    return path.read_text() if path.exists() else ""


def test_the_scan_sees_every_way_to_read() -> None:
    source = """
import os
A: Final = "NAME_A"
os.environ.get(A); os.environ["NAME_B"]; os.getenv("NAME_C"); "NAME_D" in os.environ
typer.Option(help="x", envvar="NAME_E")
os.environ["WRITTEN"] = "1"; os.environ.setdefault("WRITTEN_TOO", "0")
"""
    assert names_read(source) == {f"NAME_{letter}" for letter in "ABCDE"}


def test_what_the_code_reads_is_in_the_example() -> None:
    assert read_by_the_code() - environment().keys() == set(), "add them to infra/env.example, with one line each"


def test_what_is_in_the_example_is_read_or_filled_in() -> None:
    libraries = "".join(source_of(library, module) for library, modules in READ_BY.items() for module in modules)
    unread = {
        name
        for name in environment().keys() - read_by_the_code() - filled_in()
        if not re.search(rf"\b{name}\b", libraries)
    }
    assert unread == set(), "nothing reads these: take them out of infra/env.example"


def test_what_files_are_filled_in_from_is_in_the_example_and_has_a_value() -> None:
    assert filled_in() <= environment().keys()
    for path in files():
        if path.suffix in (".yaml", ".json") and path.name != "compose.yaml":
            rendered(path.relative_to(INFRA).as_posix())


@pytest.mark.parametrize("path", ["ray/aws.yaml", "ray/gcp.yaml"])
def test_containers_of_ray_get_names_that_something_reads(path: str) -> None:
    options = documents(path)[0]["docker"]["run_options"]
    given = {name for option in options for name in re.findall(r"--env (\w+)=", option)}
    assert given <= environment().keys()
    assert {"ICEBENCH_LAKE", "ICEBENCH_STORAGE", "MLFLOW_TRACKING_URI", "RAY_AUTH_MODE"} <= given


def test_pods_of_ray_get_names_that_something_reads() -> None:
    cluster = documents("kuberay/raycluster.yaml")[-1]["spec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        given = {variable["name"] for variable in container["env"]}
        assert given <= environment().keys()
        assert {"ICEBENCH_LAKE", "ICEBENCH_STORAGE", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD"} <= given


def test_the_image_sets_names_that_something_reads() -> None:
    dockerfile = re.sub(r"\\\n\s*", "", (INFRA / "image" / "Dockerfile").read_text())
    (line,) = re.findall(r"^ENV (.*)$", dockerfile, flags=re.MULTILINE)
    ours = {pair.partition("=")[0] for pair in line.split() if pair.startswith("ICEBENCH_")}
    assert ours == {"ICEBENCH_CACHE", "ICEBENCH_OUTBOX", "ICEBENCH_GIT_COMMIT"}
    assert ours <= read_by_the_code()


def test_every_name_is_explained_once() -> None:
    lines = (INFRA / "env.example").read_text().splitlines()
    names = [match[1] for line in lines if (match := re.match(r"(?:# )?([A-Z][A-Z0-9_]*)=", line))]
    assert len(names) == len(set(names))
    explained = False
    for line in lines:
        if re.match(r"(?:# )?[A-Z][A-Z0-9_]*=", line):
            assert explained, line
        else:
            explained = line.startswith("# ")
