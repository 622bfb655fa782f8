"""The recorded table of networks is what the networks are."""

import subprocess
import sys

import torch

from training.models import NETWORKS, build_model, count_parameters
from training.models_command import IN_CHANNELS, LISTED, N_OUTPUTS, Listed
from training.spec import ModelSpec


def test_every_network_is_listed_as_it_is() -> None:
    found = {}
    for name, network in NETWORKS.items():
        with torch.device("meta"):
            model = build_model(ModelSpec(name=name), task=network.task, in_channels=IN_CHANNELS, n_outputs=N_OUTPUTS)
        parameters = count_parameters(model)
        found[name] = Listed(network.task, parameters, network.imagenet is not None, network.params)
    assert found == LISTED


def test_the_table_needs_no_torch_and_says_how_other_networks_are_named() -> None:
    code = (
        "import sys\nfrom training.__main__ import app\n"
        "try:\n    app(['models'])\n"
        "except SystemExit as end:\n    print(end.code, sorted({'torch', 'timm', 'torchvision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "134,292,614" in done.stdout
    assert "timm:NAME, smp:ARCHITECTURE, floor:NAME, package.module:Class" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 []"
