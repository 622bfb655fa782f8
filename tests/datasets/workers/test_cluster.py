"""Options of a cluster that cannot work are one sentence."""

import pickle
from pathlib import Path

import pytest

from datasets.errors import ClusterError
from datasets.workers import cluster
from datasets.workers.cluster import ClusterOptions, outcome_of
from tests.datasets.workers.refusal import check_refusal
from tests.ingest.command_line import command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler answers at 'tcp://127.0.0.1:1'"),
        (["--scheduler", "tcp://127.0.0.1:1", "--memory-limit", "2GB"], "with --scheduler, give the limit to `dask"),
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "3"], "--workers 3 is of a cluster that the command starts"),
        (["--memory-limit", "much"], "--memory-limit 'much' is not allowed: give a size with its unit"),
        (["--memory-limit", "2"], "--memory-limit '2' is not allowed"),
    ],
)
def test_a_cluster_that_cannot_work_is_one_sentence(
    raw_train: list[Path], tmp_path: Path, words: list[str], sentence: str
) -> None:
    check_refusal(raw_train[0], tmp_path, words, sentence)


def test_ray_is_asked_for_where_it_is_missing(
    raw_train: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    result = command("build", raw_train[0], "--lake", tmp_path / "lake", "--scheduler", "ray")
    assert result.exit_code == 2
    assert "needs Ray, which is not installed: pip install -e '.[sweep]'" in result.output
    assert not (tmp_path / "lake").exists()


def test_dask_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None if name == "distributed" else name)
    for scheduler in (None, "tcp://127.0.0.1:8786", "ray"):
        with pytest.raises(ClusterError, match="workers need Dask, which is not installed: pip install"):
            ClusterOptions(scheduler=scheduler).check()


def test_an_error_goes_on_as_a_value_that_says_where_it_arose() -> None:
    def fail(path: str) -> None:
        raise KeyError(path)

    found = outcome_of(fail, "a scene")
    assert isinstance(found, KeyError)
    assert found.__notes__[0].startswith("at line ")
    assert pickle.loads(pickle.dumps(found)).__notes__ == found.__notes__
    assert outcome_of(len, "four") == 4
