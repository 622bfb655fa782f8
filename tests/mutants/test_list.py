"""The list of mutants stays true while the program changes."""

import ast
import functools
from pathlib import Path

import pytest

from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import Mutant
from tests.wires.test_every_field import ROWS

ROOT = Path(__file__).parents[2]


@functools.cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(
        node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)
    )


def test_every_text_stands_once_in_its_file_and_gives_python() -> None:
    problems = []
    for mutant in MUTANTS:
        source = (ROOT / mutant.file).read_text("utf-8")
        problem = mutant.problem(source)
        if problem:
            problems.append(problem)
        else:
            ast.parse(mutant.applied(source), mutant.file)
    assert not problems, "\n".join(problems)


def test_every_test_that_should_kill_is_there() -> None:
    missing = []
    for mutant in MUTANTS:
        assert mutant.tests, mutant.wrong
        for test in mutant.tests.split():
            file, _, name = test.partition("::")
            function, _, parameter = name.partition("[")
            there = (ROOT / file).is_file() and (not name or function in names_in(ROOT / file))
            if not there or (parameter and parameter.rstrip("]") not in ROWS):
                missing.append(f"{mutant.wrong!r}: there is no test {test}")
    assert not missing, "\n".join(missing)


def test_there_are_enough_and_each_once() -> None:
    assert len(MUTANTS) >= 120
    assert len({(mutant.file, mutant.text, mutant.instead) for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.wrong for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(("source", "words"), [("b", "no longer stands in x.py"), ("a a", "stands 2 times in x.py")])
def test_a_text_that_is_gone_is_named(source: str, words: str) -> None:
    mutant = Mutant("nothing", "x.py", "a", "c", "tests/test_house.py")
    assert words in mutant.problem(source)
    assert mutant.problem("a") == ""
    assert mutant.applied("a") == "c"
