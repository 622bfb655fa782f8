"""Every command of the docs runs as it stands, or is given to the real command line, or has a reason why not."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from ingest.sample.melt import write_melt_maps
from sweeps.design.catalogue import study
from sweeps.launch.command import application
from tests.docs.classified import PARSED, RUN_BY, RUNS, UNCHECKED, kinds
from tests.docs.command_lines import check
from tests.docs.pages import ROOT, Command, commands, inline_code, pages
from tests.mlflow_server import fresh_database
from tests.sweeps.report.stored_studies import attempt, open_study

EVERY = [command for page in pages() for command in commands(page)]


def of_kind(wanted: str) -> list[Command]:
    """Each distinct command once."""
    chosen = {command.text: command for command in EVERY if [kind for kind, _ in kinds(command)] == [wanted]}
    return list(chosen.values())


def mine(*, building: bool) -> list[str]:
    """What is run here: the lines of the README that build a lake, else what reads a lake or the records of studies."""
    texts = [
        command.text
        for command in EVERY
        for kind, pattern in kinds(command)
        if kind == "runs" and RUNS.get(pattern) == "test_commands.py" and command.words[0] == "python"
    ]
    in_order = [text for text in texts if text.startswith("python -m ingest") or "show data/lake" in text]
    return in_order if building else [text for text in dict.fromkeys(texts) if text not in in_order]


def run(text: str) -> str:
    """Types a command in this process; returns what it prints."""
    match shlex.split(text):
        case ["python", "-m", room, *words]:
            app = __import__(f"{room}.__main__", fromlist=["app"]).app
        case ["python", place, *words]:
            name = Path(place).stem
            app = application({name: study(name)}, name)
    done = CliRunner().invoke(app, words, env={"COLUMNS": "250"})
    assert done.exit_code == 0, f"{text}\n{done.output}"
    return str(done.output)


def test_every_command_is_classified_once() -> None:
    wrong = {f"{command.page}: {command.text}": kinds(command) for command in EVERY if len(kinds(command)) != 1}
    assert wrong == {}, "give it one line in tests/docs/classified.py"


def test_every_line_of_the_classification_is_needed() -> None:
    needed = {pattern for command in EVERY for _, pattern in kinds(command)}
    assert {*RUNS, *PARSED, *UNCHECKED, *RUN_BY} - needed == set()
    for test in RUN_BY.values():
        assert (ROOT / test).exists()


@pytest.mark.parametrize("command", of_kind("parsed"), ids=lambda command: command.text[:60])
def test_the_command_line_knows_it(command: Command) -> None:
    check(command.words)


@pytest.mark.parametrize("page", [page for page in pages() if page != "CHANGELOG.md"])
def test_commands_within_sentences_exist(page: str) -> None:
    """Those of the change log were right in their time. A sentence may leave out what a command needs besides."""
    for text in inline_code(page):
        if re.match(r"(python (-m|sweeps/)|ray|sbatch|mlflow|make|pip) ", text):
            try:
                check([word for word in shlex.split(text) if word != "..."])
            except pytest.fail.Exception as error:
                if "Missing " not in str(error):
                    raise


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("python -m ingest build RAW --laek L", "No such option"),
        ("python -m ingest build RAW", "Missing option '--lake'"),
        ("python -m training run --lake L --workers many", "valid integer"),
        ("python -m sweeps raport downscale", "no such command"),
        ("python sweeps/downscale.py --only data.ratoi=5", "data.ratoi"),
        ("ray job submit --wait -- python sweeps/downscale.py", "No such option"),
        ("ray job submit -- python sweeps/downscale.py --smok", "--smok"),
        ("ray jobs list", "no such command"),
        ("mlflow ui --worker 1", "No such option"),
        ("make dmeo", "no such target"),
        ("pip install .[trian]", "no such extra"),
        ("sbatch infra/slurm/study.sbatch sweeps/downscale.py --lak L", "--lak"),
        ("aws s3api put-bucket --bucket b", "no such operation"),
        ("kubectl get pods", "nothing here can check"),
    ],
)
def test_a_wrong_word_would_be_found(text: str, trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ICEBENCH_LAKE", raising=False)
    with pytest.raises((AssertionError, pytest.fail.Exception), match=re.escape(trouble)):
        check(shlex.split(text))


@pytest.fixture(scope="module")
def place(tiny_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with a lake and the records of a study, where the commands find them without being told."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "data").mkdir()
    (folder / "data" / "lake").symlink_to(tiny_lake.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_OUTBOX", str(tmp_path_factory.mktemp("outbox-of-docs")))
        uri = fresh_database(folder)
        attempt(open_study(uri), folder, 2, 0)
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.delenv("ICEBENCH_LAKE", raising=False)
        patch.setattr("sweeps.report.command.ROOT", folder)
        patch.chdir(folder)
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("text", mine(building=False))
def test_it_runs_as_it_stands(text: str, place: Path, tiny_lake: Lake) -> None:
    for word, value in {"LAKE": "data/lake", "SCENE": tiny_lake.catalog().scene_ids[0], "FILE": "scene.png"}.items():
        text = re.sub(rf"\b{word}\b", value, text)
    assert run(text)


@pytest.mark.slow
def test_real_data_becomes_a_lake_as_the_readme_says(
    raw_train: list[Path], raw_test: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines of the README in their order, on scenes of the sample."""
    monkeypatch.chdir(tmp_path)
    for folder, scenes in {"raw-train": raw_train[:3], "raw-test": raw_test[:1]}.items():
        (tmp_path / "data" / folder).mkdir(parents=True)
        for scene in scenes:
            shutil.copy(scene, tmp_path / "data" / folder)
    write_melt_maps(tmp_path / "data" / "melt-dates", range(2017, 2022), 0)
    # The README takes the archive by its name, which tests/ingest/stream does on a small one.
    run("python -m ingest build data/raw-train --lake data/lake --ratios 2 5 10")
    run("python -m ingest build data/raw-test --lake data/lake --ratios 2 5 10 --split test")
    for text in mine(building=True):
        run(text)
    lake = Lake.open("data/lake")
    assert lake.ratios == (2, 5, 10)
    assert sorted(record.split for record in lake.catalog()).count("test") == 1
