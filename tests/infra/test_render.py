"""`infra/render.py`: names become values, or one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.cluster_files import ROOT, render


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "infra/render.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )


def test_names_are_filled_in_and_what_is_not_ours_stays() -> None:
    text = "# ${NAMES} here\na: ${LAKE}/x-${LAKE}\nb: $RAY_HEAD_IP ${aws:username} $(POSTGRES)\n"
    assert render(text, {"LAKE": "s3://b"}) == (
        "# ${NAMES} here\na: s3://b/x-s3://b\nb: $RAY_HEAD_IP ${aws:username} $(POSTGRES)\n"
    )


def test_a_value_with_a_backslash_stays_as_it_is() -> None:
    assert render("${A}", {"A": r"\1 ${B}"}) == r"\1 ${B}"


def test_all_missing_names_are_named_at_once_and_nothing_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: ${ICEBENCH_BUCKET} ${AWS_ACCOUNT_ID} ${ICEBENCH_IMAGE}\n")
    done = run(str(file), ICEBENCH_IMAGE="i", AWS_ACCOUNT_ID="")
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs AWS_ACCOUNT_ID, ICEBENCH_BUCKET, which the environment does not have" in done.stderr


@pytest.mark.parametrize(("words", "sentence"), [(["none.yaml"], "cannot be read"), ([], "usage:"), (["-h"], "usage:")])
def test_other_bad_input_is_one_line(words: list[str], sentence: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
