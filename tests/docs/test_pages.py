"""Pages of the docs agree with the project: links, files, studies; and their shell is shell."""

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.image import imread

from datasets.class_colours import class_colours
from datasets.labels import SOD
from sweeps.design.catalogue import study, study_names
from tests.docs.pages import ROOT, blocks, pages

DRAWINGS = {"README.md": 1, "docs/design.md": 3, "docs/export.md": 1, "docs/operations.md": 1, "docs/studies.md": 1}
"""Fenced blocks without a language: nothing to type."""


@pytest.mark.parametrize("page", pages())
def test_every_block_has_a_language_that_something_looks_at(page: str) -> None:
    known = {"bash", "python", "latex", ""}
    assert {block.language for block in blocks(page)} <= known, "say in tests/docs how the new kind is checked"
    assert len(blocks(page, "")) == DRAWINGS.get(page, 0)


@pytest.mark.parametrize("page", pages())
def test_links_and_pictures_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target, heading in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", (ROOT / page).read_text()):
        place = folder / target if target else ROOT / page
        assert place.exists(), f"{page} -> {target}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", place.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, f"{page} -> {target}#{heading}"


def test_pictures_are_small_and_shown() -> None:
    shown = {target for page in pages() for target in re.findall(r"!\[[^]]+\]\((?:docs/)?(\S+?)\)", read(page))}
    there = {path.relative_to(ROOT / "docs").as_posix(): path for path in (ROOT / "docs").rglob("*.png")}
    assert shown == there.keys()
    assert all(path.stat().st_size < 400_000 for path in there.values())


@pytest.mark.parametrize("name", ["scene", "map", "scene_chart_prediction", "lake", "scene_on_map"])
def test_pictures_have_the_colours_that_maps_have(name: str) -> None:
    """Also the rare ones: a picture that was made smaller by fewer colours may have lost them, or was drawn before."""
    picture = np.round(imread(ROOT / "docs" / "pictures" / f"{name}.png")[..., :3] * 255).astype(int)
    there = {f"#{value:06x}" for value in np.unique(picture @ (65536, 256, 1))}
    missing = set(class_colours(SOD)) - there
    assert missing <= ({class_colours(SOD)[4]} if name == "scene_on_map" else set()), "its legend has what there is"


def test_shell_blocks_are_shell() -> None:
    for page in pages():
        text = "\n".join(block.text for block in blocks(page, "bash"))
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, f"{page}: {done.stderr}"


def test_what_the_demo_prints_can_be_pasted(tmp_path: Path) -> None:
    """Also from a folder whose name a shell would take apart; its steps are the tour's, and other tests run them."""
    place = tmp_path / "My Drive (1)"
    (place / "lake").mkdir(parents=True)
    (place / "lake" / "catalog.parquet").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    words = ["bash", ROOT / "docs" / "demo.sh", place]
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout
    typed = re.findall(r"^  [a-z ]+: +(\S*\.venv/.*|MLFLOW.*)$", said, re.MULTILINE)
    assert [shlex.split(line)[-1] for line in typed] == [
        str(place / "lake"), f"sqlite:///{place}/mlflow.db", "--help",
    ]  # fmt: skip


def test_files_that_a_page_names_exist() -> None:
    examples = ("sweeps/incidence.py", "sweeps/STUDY.py")
    for page in pages():
        for path in set(re.findall(r"(?<![\w/.])(?:file://)?((?:infra|sweeps|docs|tests)/[\w./-]+\.\w+)", read(page))):
            assert (ROOT / path).exists() or path in examples, f"{page}: {path}"


def test_the_page_of_studies_has_them_all() -> None:
    page = read("docs/studies.md")
    for name in study_names():
        (row,) = re.findall(rf"^\| `{name}` \|.*\| (\d+) \|$", page, re.MULTILINE)
        assert int(row) == len(study(name).trials()), name


def test_data_in_the_project_folder_is_ignored_by_git() -> None:
    """A lake that git saw would also go with every job."""
    places = set(re.findall(r"(?<![\w/.])(data/[\w-]+)", read("README.md") + read("docs/tour.md")))
    assert {"data/lake", "data/melt-dates", "data/tour"} <= places
    done = subprocess.run(["git", "check-ignore", *places], cwd=ROOT, capture_output=True, text=True)
    assert set(done.stdout.split()) == places


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load(read("CITATION.cff"))
    assert f'version = "{cited["version"]}"' in read("pyproject.toml")
    assert {each["doi"] for each in cited["references"]} == set(re.findall(r"doi\.org/([^)]+)\)", read("README.md")))


def read(page: str) -> str:
    return (ROOT / Path(page)).read_text()
