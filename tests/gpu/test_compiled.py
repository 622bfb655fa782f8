"""Every network trains compiled, in every precision; last, since compiling takes up to a minute each."""

import pytest
import torch

from tests.gpu.test_networks import TASKS, spec_of, train

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(900)]


@pytest.mark.parametrize("precision", ["bfloat16", "float32", "float16"])
@pytest.mark.parametrize("name", ["unet", "cnn", *(name for name in TASKS if name not in ("unet", "cnn"))])
def test_a_compiled_network_learns_as_the_plain_one(name: str, precision: str, gpu: torch.device) -> None:
    torch.compiler.reset()
    _, compiled = train(spec_of(name, precision=precision, compile=True), gpu)
    _, plain = train(spec_of(name, precision=precision), gpu)
    assert compiled == pytest.approx(plain, rel=0.05 if precision == "float32" else 0.15)
