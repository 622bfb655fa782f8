"""Workers of a parallel run: two take the files with clusters first, the others what computes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import starts_cluster
from tests.lanes import Lanes

FILES = ("tests/cluster_a.py", "tests/cluster_b.py", "tests/cluster_c.py", "tests/a.py", "tests/b.py")


class Worker:
    """Remembers what it was asked to run."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.given: list[int] = []

    def send_runtest_some(self, tests: list[int]) -> None:
        self.given += tests

    def shutdown(self) -> None:
        self.shutting_down = True


def scheduled(workers: int, files: tuple[str, ...], per_file: int) -> tuple[Any, list[Worker]]:
    config: Any = SimpleNamespace(
        getvalue=lambda name: ["popen"] * workers, option=SimpleNamespace(loadscopereorder=False)
    )
    log: Any = SimpleNamespace(loadscopesched=lambda *words: None, loadfilesched=lambda *words: None)
    lanes: Any = Lanes(config, log, starts_cluster=lambda file: "cluster" in file)
    nodes: Any = [Worker(f"gw{number}") for number in range(workers)]
    for node in nodes:
        lanes.add_node(node)
        lanes.add_node_collection(node, [f"{file}::test_{number}" for file in files for number in range(per_file)])
    lanes.schedule()
    return lanes, nodes


def files_of(node: Worker, per_file: int) -> list[str]:
    return list(dict.fromkeys(FILES[test // per_file] for test in node.given))


def test_two_workers_take_files_with_clusters_and_the_third_the_others() -> None:
    lanes, nodes = scheduled(3, FILES, per_file=4)
    assert [files_of(node, 4) for node in nodes] == [[FILES[0]], [FILES[1]], [FILES[3]]]
    for test in nodes[0].given[:2]:
        lanes.mark_test_complete(nodes[0], test)
    for test in nodes[2].given[:2]:
        lanes.mark_test_complete(nodes[2], test)
    assert [files_of(node, 4) for node in nodes] == [[FILES[0], FILES[2]], [FILES[1]], [FILES[3], FILES[4]]]


def test_who_has_none_of_its_own_kind_left_takes_the_other() -> None:
    _, nodes = scheduled(3, FILES[:3], per_file=3)
    assert [node.given for node in nodes] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    _, nodes = scheduled(2, FILES[3:], per_file=3)
    assert [node.given for node in nodes] == [[0, 1, 2], [3, 4, 5]]


def test_every_test_is_given_out_once() -> None:
    lanes, nodes = scheduled(3, FILES, per_file=1)
    done: set[int] = set()
    while left := [(node, test) for node in nodes for test in node.given if test not in done]:
        for node, test in left:
            done.add(test)
            lanes.mark_test_complete(node, test)
    assert sorted(test for node in nodes for test in node.given) == list(range(len(FILES)))
    assert all(node.shutting_down for node in nodes)


@pytest.mark.parametrize(
    ("file", "is_one"),
    [
        ("tests/many_nodes/test_study.py", True),
        ("tests/sweeps/launch/test_driver.py", True),
        ("tests/sweeps/launch/test_plan.py", False),
        ("tests/training/test_trial.py", False),
    ],
)
def test_files_with_clusters_are_told_by_their_place_and_their_slow_tests(file: str, is_one: bool) -> None:
    assert Path(file).exists()
    assert starts_cluster(file) is is_one
