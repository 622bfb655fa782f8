"""What the command lines print is what was meant: rich reads brackets as markup and breaks long lines."""

import errno
import os
from pathlib import Path

import pytest
import typer
from rich.table import Table

from datasets.process.terminal import print_whole, tell, tell_failure, user_errors


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    long = "/data/" + "x" * 200 + "/[red]scene[/red] 2018.nc"
    tell(long)
    tell_failure("[bold]a.nc", "is torn")
    printed = capsys.readouterr()
    assert printed.out == long + "\n"
    assert printed.err == "failed [bold]a.nc\n  is torn\n"


@pytest.mark.parametrize("wrapped", [False, True])
def test_no_cell_is_cut_where_there_is_no_room(capsys: pytest.CaptureFixture[str], wrapped: bool) -> None:
    words = ["n", "source, task, grid", *(f"accuracy{n} (percent{n})" for n in range(12))]
    table = Table(*words, box=None)
    print_whole(table, wrapped=wrapped)
    printed = capsys.readouterr().out
    assert all(word in printed for each in words for word in each.split())
    assert (len([line for line in printed.splitlines() if line.strip()]) > 1) == wrapped


def test_a_place_that_cannot_be_used_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(typer.Exit) as ended, user_errors():
        (tmp_path / "file" / "folder").mkdir()
    assert ended.value.exit_code == 2
    assert "file/folder' cannot be used (Not a directory): give another path" in capsys.readouterr().err


def test_a_place_where_the_system_makes_nothing_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, user_errors():
        Path("/proc/none/below").mkdir(parents=True)
    assert ended.value.exit_code == 2
    assert "error '/proc/none' cannot be used (nothing can be made there): give another path" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError), user_errors():  # where files can be made, one that is not there is a bug
        (tmp_path / "none").read_text()


def test_a_file_that_is_written_under_another_name_first_is_told_by_its_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), user_errors():
        raise PermissionError(errno.EACCES, "Permission denied", "/read/only/.map.png.0a1b.part")
    assert "error '/read/only' cannot be used (Permission denied)" in capsys.readouterr().err


def test_a_full_disk_is_work_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, user_errors():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/lake/object")
    assert ended.value.exit_code == 1
    assert "(No space left on device): make room there" in capsys.readouterr().err


@pytest.mark.parametrize("bug", [FileNotFoundError(errno.ENOENT, "gone", "x"), OSError("no number"), ValueError("x")])
def test_bugs_keep_their_traceback(bug: Exception) -> None:
    with pytest.raises(type(bug)), user_errors():
        raise bug
