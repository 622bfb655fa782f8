"""Rules of the house that no linter holds."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(code: str, *, path: list[Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(each) for each in path)}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("regular", [True, False], ids=["package", "folder"])
@pytest.mark.parametrize(
    ("entry", "foreign"),
    [
        ("import ingest", "datasets"),
        ("import training", "datasets"),
        ("import sweeps", "datasets"),
        ("import sweeps", "training"),
        ("import runpy; runpy.run_module('ingest')", "datasets"),
        ("import runpy; runpy.run_module('sweeps')", "training"),
        ("import runpy; runpy.run_module('training')", "datasets"),
        ("import datasets, sweeps.downscale", "datasets"),  # where something else had imported it before
    ],
)
def test_a_foreign_package_is_named_at_once(entry: str, foreign: str, regular: bool, tmp_path: Path) -> None:
    """Also where it is a folder of data, which Python takes for a package, before one that is installed by a hook."""
    (tmp_path / foreign).mkdir()
    if regular:
        (tmp_path / foreign / "__init__.py").write_text("def load_dataset(): ...")
    hook = "import sys, importlib.machinery as m\n"  # as an editable installation of this project does
    hook += "class Hook:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
    hook += f"        return m.PathFinder.find_spec(name, [{str(ROOT)!r}]) if path is None else None\n"
    hook += "sys.path = [each for each in sys.path if not __import__('os').path.isdir(each + '/sweeps')]\n"
    hook += f"sys.path.insert(0, {str(tmp_path)!r})\nsys.meta_path.append(Hook)\n"
    done = python(hook + entry, path=[], cwd=tmp_path)
    assert done.returncode == 1
    said = f"the package '{foreign}' at {tmp_path / foreign} is not the one of this project"
    assert said in done.stderr, done.stderr


_COMMAND = re.compile(
    r"\b(?:python -m|python sweeps|mlflow ui|mlflow server|ray start|ray job|pip install)\b[^`:;,\n]*"
)


def test_commands_that_are_printed_can_be_pasted() -> None:
    """What is put into a printed command goes through shlex: folders have blanks, brackets and quotes."""
    bare, shown = [], 0
    for file in [path for room in ("ingest", "datasets", "training", "sweeps") for path in (ROOT / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else f"{{{ast.unparse(p.value)}}}" for p in node.values]
                for command in _COMMAND.findall("".join(parts)):
                    shown += command.count("shlex.")
                    if "{" in re.sub(r"\{(shlex\.|[A-Z_]+\}|(archive\.split|driver|name)\})", "", command):
                        bare.append(f"{file.relative_to(ROOT)}: {command}")
    assert bare == []
    assert shown >= 4, "or it looks at nothing"


def test_a_class_name_is_one_thing() -> None:
    """Whoever reads a name need not ask which of two is meant; names with an underscore stay in their module."""
    places: dict[str, list[str]] = {}
    for room in ("ingest", "datasets", "training", "sweeps", "infra"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert len(places) > 100, "or it looks at nothing"
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


NOT_FOR_HELP = {
    *("torch", "ray", "mlflow", "captum", "matplotlib", "scipy", "dask", "netCDF4"),
    *("zarr", "numcodecs", "pandas", "pyarrow", "xarray"),
}
"""What takes a tenth of a second or more to import."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("sweeps.design.experiment", {"ray", "torch", "mlflow", "zarr"}),
        ("sweeps.launch.command", {"ray", "torch", "mlflow", "zarr", "matplotlib", "optuna"}),
        ("sweeps.report.command", {"ray", "torch", "mlflow", "matplotlib"}),
        ("sweeps.leaderboard.command", {"ray", "torch", "mlflow", "matplotlib"}),
        ("sweeps.report.write", {"ray", "torch", "mlflow", "matplotlib"}),
        ("sweeps.leaderboard.board", {"ray", "torch", "mlflow", "matplotlib"}),
        *((f"{package}.__main__", NOT_FOR_HELP) for package in ("datasets", "ingest", "training", "sweeps")),
        ("ingest.build, datasets.workers.opening", {"ray", "torch"}),
        ("datasets.__main__", {"pandas", "zarr", "matplotlib", "torch", "ray"}),
        ("datasets.lake", NOT_FOR_HELP),
        ("datasets.workers.opening", NOT_FOR_HELP),
        ("datasets.export.run", {"torch", "ray", "matplotlib", "rasterio", "pyproj"}),
    ],
)
def test_command_lines_answer_without_loading_what_they_do_not_need(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(sorted({heavy!r} & set(sys.modules)))"
    done = python(code, path=[ROOT], cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("word", ["--dry-run", "--help"])
def test_a_campaign_is_planned_without_what_runs_it(word: str) -> None:
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['sweeps/all.py', {word!r}]\n"
        "try: runpy.run_path('sweeps/all.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('loaded', sorted({'torch', 'ray', 'mlflow', 'zarr', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    done = python(code, path=[ROOT], cwd=ROOT)
    assert done.stdout.splitlines()[-1:] == ["loaded []"], done.stdout + done.stderr
