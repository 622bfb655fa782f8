"""Every study file: expands, is documented, is executable, and shadows nothing; the command line is closed."""

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sweeps.__main__ import app
from sweeps.design.catalogue import study, study_names
from sweeps.design.experiment import Experiment
from sweeps.launch.command import application

ROOT = Path(__file__).parents[2]
STUDIES = [ROOT / "sweeps" / f"{name}.py" for name in study_names()]
OF_PIXELS = {"autoice", "labels"}
"""Studies without patch-based training: of three charts at once, and of labels that patches are not indexed by."""
DOWNSCALE = ROOT / "sweeps" / "downscale.py"


def command(name: str) -> typer.Typer:
    return application({name: study(name)}, name)


def test_the_studies_of_the_benchmark_are_there() -> None:
    """The published case studies, and two that nobody has."""
    assert set(study_names()) >= {
        "base_model",
        "model_parameters",
        "regular_season",
        "regular_season_each_location",
        "cryospheric_season",
        "cryospheric_season_each_location",
        "downscale",
        "patch_size",
        "data_size",
        "data_preparation",
        "channels",
        "transfer",
        "feature_importance",
        "labels",
        "autoice",
    }


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_expands_and_says_what_it_is(path: Path) -> None:
    experiment = study(path.stem)
    assert isinstance(experiment, Experiment)
    trials = experiment.trials()
    assert experiment.name == path.stem
    assert experiment.question.endswith("?")
    for part in (trials, experiment.smaller().trials()):
        assert len({(trial.trial_id, *trial.recipe.items()) for trial in part}) == len(part), "no trial twice"
    head = path.read_text().partition("import sys")[0]
    assert re.search(rf"= {len(trials)} trials", head), "the head names the expected number of trials"
    assert f"python sweeps/{path.name}" in head
    assert "Train on:" in head
    assert "Test on:" in head
    assert set(experiment.arms) == ({"pixel"} if path.stem in OF_PIXELS else {"pixel", "patch"})
    for task in experiment.arms:
        assert experiment.of_task(task).smaller().trials()


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_point_has_a_place_in_the_table(path: Path) -> None:
    """Labels tell trials apart: a table by labels mixes no two."""
    labels = [tuple(trial.labels.items()) for trial in study(path.stem).trials()]
    assert len(set(labels)) == len(labels)


def test_the_campaign_says_how_large_it_is() -> None:
    total = sum(len(study(name).trials()) for name in study_names())
    assert f"{total} trials" in (ROOT / "sweeps" / "all.py").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_can_be_typed_as_a_command(path: Path) -> None:
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/usr/bin/env python\n")
    assert path.stem not in sys.stdlib_module_names
    assert path.stem not in packages_distributions()


@pytest.mark.parametrize("path", [DOWNSCALE, ROOT / "sweeps" / "all.py"], ids=lambda path: path.stem)
def test_dry_run_prints_the_trials_and_touches_nothing(path: Path, tmp_path: Path) -> None:
    code = (
        "import sys, runpy\n"
        f"sys.argv = [{str(path)!r}, '--dry-run', '--lake', '/nowhere', '--tracking-uri', 'nonsense']\n"
        f"try: runpy.run_path({str(path)!r}, run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('loaded', sorted({'ray', 'torch', 'mlflow', 'zarr'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    trials = len(study("downscale").trials())
    assert re.search(rf"downscale: {trials} trials|downscale +│ +{trials} ", done.stdout)
    assert "no lake: '/nowhere' is not a lake" in done.stdout
    assert "no finished trials: the tracking URI 'nonsense' cannot be used" in done.stdout
    assert "loaded []" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [DOWNSCALE], ids=lambda path: path.stem)
def test_study_runs_from_any_folder_without_being_installed(path: Path, tmp_path: Path) -> None:
    """As a script only sweeps/ is on the path; an image has the libraries but not the project."""
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text(
        "import sys\nsys.meta_path = [f for f in sys.meta_path if '__editable__' not in f.__class__.__module__]\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(path), "--dry-run"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_options_are_a_closed_set() -> None:
    result = CliRunner().invoke(command("downscale"), ["--help"], env={"COLUMNS": "160"})
    options = set(re.findall(r"(?<![\w-])--[a-z-]+", result.output))
    assert options - {"--only"} >= {"--lake", "--dry-run", "--smoke"}
    assert options == {
        "--lake",
        "--tracking-uri",
        "--storage",
        "--seeds",
        "--only",
        "--cpus-per-trial",
        "--gpus-per-trial",
        "--max-concurrent",
        "--task",
        "--search",
        "--scheduler",
        "--resume",
        "--no-resume",
        "--rerun-failed",
        "--maps",
        "--smoke",
        "--dry-run",
        "--measure",
        "--help",
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lakee", "x"], "--lake"),
        (["--only", "data.ratio=3", "--dry-run"], "unknown value of data.ratio in study downscale '3'"),
        (["--measure"], "--measure tells what a dry run cannot know: give it with --dry-run"),
        (["--search", "optunna"], "did you mean 'optuna'"),
        (["--search", "random:x"], "--search 'random:x' is not allowed: write grid, random, optuna"),
        (["--scheduler", "ashа"], "unknown scheduler"),
        (["--scheduler", "pbt"], "unknown scheduler 'pbt': known are none, asha"),
        (["--search", "optuna"], "--search optuna looks at one task at a time: add --task pixel"),
        (["--search", "optuna", "--task", "pixel", "--only", "seed=0"], "leave --only out, or use random"),
        (["--task", "pixels"], "'pixel', 'patch', 'both'"),
        (["--gpus-per-trial", "1.5", "--lake", "/nowhere"], "1.5 GPUs per trial are neither a part of one nor"),
        (["--lake", "/nowhere"], "'/nowhere' is not a lake"),
        (["--lake", "/nowhere", "--tracking-uri", "./mlruns"], "MLflow refuses plain folders"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(command("downscale"), words, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.output.split())


def test_all_studies_are_listed_and_run_by_name() -> None:
    listed = CliRunner().invoke(app, ["list"], env={"COLUMNS": "200"})
    assert listed.exit_code == 0
    assert all(path.stem in listed.output for path in STUDIES)
    dry = CliRunner().invoke(
        app, ["run", "downscale", "--dry-run", "--only", "seed=0", "--task", "pixel"], env={"COLUMNS": "200"}
    )
    assert dry.exit_code == 0, dry.output
    assert "downscale: 5 trials" in dry.output
    wrong = CliRunner().invoke(app, ["run", "downscal"])
    assert wrong.exit_code == 2
    assert "did you mean 'downscale'" in " ".join(wrong.output.split())
