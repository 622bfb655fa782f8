"""Every command of ingest with wrong words and missing things: a sentence, exit code 2, and nothing is created."""

import os
from pathlib import Path

import pytest

from ingest.__main__ import app
from tests.ingest.command_line import command

PLACES = ("{nothing}", "{file}", "{file}/below", "{empty_file}", "{empty}", "{text}", "{link}")
"""What is no lake, and no folder of scenes or melt maps: missing, a file, below a file, empty, other content."""

LAKES = [
    [name, place, *more] for place in PLACES for name, *more in (["verify"], ["prune"], ["prune", "--yes"], ["migrate"])
]
MELTS = [["melt", place, "--melt", "{text}"] for place in PLACES]
MAPS = [["build", "{scene}", "--lake", "{new}", "--melt", place] for place in PLACES]
RAWS = [["build", place, "--lake", "{new}"] for place in PLACES]
BAD_LAKES = [
    ["build", "{scene}", "--lake", place]
    for place in ("{file}", "{file}/below", "{empty_file}", "{text}", "/proc/none", "/proc/none/below", "/sys/none")
]
BAD_FOLDERS = [
    [*words, place]
    for words in (["sample", "--scenes", "1", "--lines", "100", "--samples", "100"], ["download", "raw-train"])
    for place in ("{file}", "{file}/below", "{empty_file}", "/proc/nowhere/x")
]
VALUES = [
    ["sample", "{new}", "--scenes", "0"],
    ["sample", "{new}", "--scenes", "-1"],
    ["sample", "{new}", "--seed", "-1"],
    ["sample", "{new}", "--lines", "x"],
    ["build", "{scene}", "--lake", "{new}", "--workers", "0"],
    ["build", "{scene}", "--lake", "{new}", "--ratios", "-1"],
    ["build", "{scene}", "--lake", "{new}", "--ratios"],
    ["build", "{scene}", "--lake", "{new}", "--sar-precision", "nan"],
    ["build", "{scene}", "--lake", "{new}", "--memory-limit", "much"],
    ["build", "{scene}", "--lake", "{new}", "--scheduler", "nonsense://nowhere"],
    ["build", "{scene}", "--lake", "{new}", "--scheduler", "ray:nowhere"],
    ["build", "{scene}", "--lake", "{new}", "--split", "tests"],
    ["build", "{scene}", "--lake", ""],
    ["build", "", "--lake", "{new}"],
    ["build", "--lake", "{new}"],
    ["build", "{scene}", "--lake", "nonsense://{new}"],
    ["melt", "{new}", "--melt", "{text}", "--onset", "late"],
    ["verify", ""],
    ["prune", ""],
    ["download", "raw-trian", "{new}"],
    ["download", "raw-train", "{new}", "--base-url", "nowhere"],
    ["download", "raw-train", "{new}", "--base-url", "http://[::1"],
    ["download", "raw-train", ""],
    ["download", "raw-train"],
    ["sample"],
    ["nothing"],
]


@pytest.mark.parametrize("words", [*LAKES, *MELTS, *MAPS, *RAWS, *BAD_LAKES, *BAD_FOLDERS, *VALUES], ids=" ".join)
def test_wrong_words_are_a_sentence_and_create_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw_train: list[Path], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICEBENCH_LAKE", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("ICEBENCH_ARCHIVE_URL", "http://127.0.0.1:9/none")
    monkeypatch.setattr("ingest.download.web.Web._wait", _give_up)
    (tmp_path / "file").write_text("not what is asked for")
    (tmp_path / "empty_file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "thesis.tex").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    names = ("file", "empty_file", "empty", "text", "link", "nothing", "new")
    places = {"scene": raw_train[0], **{name: tmp_path / name for name in names}}
    before = sorted(path.name for path in tmp_path.rglob("*"))

    result = command(*(word.format(**places) for word in words))

    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    sentence = " ".join(result.output.split())
    assert "error " in sentence.lower(), sentence
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def _give_up(web: object, failures: int, error: Exception) -> None:
    from ingest.download.errors import WebError

    raise WebError(str(error)) from error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everywhere")
@pytest.mark.parametrize(
    "words",
    [
        ["verify", "{closed}"],
        ["prune", "{closed}"],
        ["melt", "{closed}", "--melt", "{closed}"],
        ["build", "{closed}", "--lake", "{new}"],
        ["build", "{scene}", "--lake", "{closed}"],
        ["build", "{scene}", "--lake", "{closed}/new"],
        ["build", "{scene}", "--lake", "{new}", "--melt", "{closed}"],
        ["sample", "{closed}/new", "--scenes", "1"],
        ["download", "raw-train", "{closed}/new", "--base-url", "http://127.0.0.1:9"],
    ],
    ids=" ".join,
)
def test_a_folder_that_is_closed_to_this_user_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr("ingest.download.web.Web._wait", _give_up)
    places = {name: tmp_path / name for name in ("closed", "new")}
    places["scene"] = tmp_path / "20180325T194759_dmi_prep.nc"
    places["scene"].touch()
    places["closed"].mkdir(mode=0)
    try:
        result = command(*(word.format(**places) for word in words))
    finally:
        places["closed"].chmod(0o700)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    assert "error " in result.output.lower()
    assert not list(places["closed"].iterdir())
    assert not places["new"].exists()


def test_every_command_is_crawled() -> None:
    crawled = {words[0] for words in [*LAKES, *MELTS, *RAWS, *BAD_FOLDERS]}
    assert crawled == {str(each.name or each.callback.__name__) for each in app.registered_commands if each.callback}
