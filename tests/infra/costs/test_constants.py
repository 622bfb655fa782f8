"""Every figure says truly what measures it."""

import importlib
from pathlib import Path
from typing import Final

import pytest
import typer

from infra.costs.constants import Constant, read_constants

ROOT: Final = Path(__file__).parents[3]
BENCHMARK: Final = "tests.benchmarks"


@pytest.mark.parametrize("constant", read_constants().rows.values(), ids=lambda constant: constant.name)
def test_the_command_is_there_and_prints_the_constant(constant: Constant) -> None:
    if constant.command.startswith("none: "):
        assert constant.kind != "measured"
        return
    python, dash_m, module, *words = constant.command.split()
    assert (python, dash_m) == ("python", "-m")
    if module == BENCHMARK:
        (name,) = words
        assert constant.name in _text(f"tests/benchmarks/{name}.py").partition('"""')[2].partition('"""')[2]
        assert f"    {name}," in _text("tests/benchmarks/__main__.py")
    elif words:
        group = typer.main.get_group(importlib.import_module(f"{module}.__main__").app)
        command = group.commands[words[0]]
        options = {option for each in command.params for option in each.opts}
        unknown = {word for word in words if word.startswith("--")} - options
        assert not unknown or command.context_settings.get("allow_extra_args")  # `sweeps run` hands them to the study
    else:
        assert (ROOT / module.replace(".", "/") / "__main__.py").is_file()


def _text(path: str) -> str:
    return (ROOT / path).read_text()
