"""Names of trials in MLflow: unique in their study, short, and with what differs first."""

import pytest

from sweeps.design.axes import text
from sweeps.design.catalogue import study, study_names
from sweeps.design.experiment import Experiment
from sweeps.design.run_names import cell_name, run_name

LIMIT = 30
"""Letters that a table of MLflow shows of a name."""


def labels_of(experiment: Experiment) -> list[dict[str, str]]:
    return [{axis: text(value) for axis, value in trial.labels.items()} for trial in experiment.trials()]


@pytest.mark.parametrize("name", study_names())
def test_every_study_has_short_names_that_tell_its_trials_apart(name: str) -> None:
    for experiment in (study(name), study(name).smaller()):
        every = labels_of(experiment)
        names = [run_name(labels) for labels in every]
        assert len(set(names)) == len(names)
        assert max(map(len, names)) <= LIMIT, max(names, key=len)
        for labels, short in zip(every, names, strict=True):
            assert not short.startswith(labels["task"]), "all trials of a task would begin alike"
            assert short.endswith(f"{labels['task']} s{labels['seed']}")
            assert sum(word.startswith(("pixel", "patch")) for word in short.split()) == 1, short


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"task": "pixel", "data.ratio": "10", "seed": "2"}, "r10 pixel s2"),
        ({"task": "patch", "model": "densenet121", "seed": "0"}, "densenet121 patch s0"),
        ({"task": "pixel", "factor": "base", "value": "base", "seed": "0"}, "base pixel s0"),
        ({"task": "pixel", "factor": "optimizer.lr", "value": "0.01", "seed": "0"}, "lr 0.01 pixel s0"),
        ({"task": "pixel", "factor": "optimizer.schedule", "value": "none", "seed": "0"}, "schedule none pixel s0"),
        ({"task": "pixel", "factor": "recipe.sar_mean", "value": "power", "seed": "0"}, "sar mean power pixel s0"),
        ({"task": "pixel", "channels": "SAR + geography", "seed": "1"}, "SAR+geography pixel s1"),
        ({"task": "pixel", "train.season": "all", "train.location": "cat1", "seed": "1"}, "all cat1 pixel s1"),
        ({"task": "pixel", "data.ratio": "2", "patch": "equal pixels", "seed": "0"}, "r2 equal px pixel s0"),
        ({"task": "patch", "subset": "500 patches", "seed": "0"}, "n=500 patch s0"),
        ({"task": "pixel", "my.own_axis": "7", "seed": "1"}, "own axis 7 pixel s1"),
        ({"task": "pixel", "seed": "1"}, "pixel s1"),
    ],
)
def test_names(labels: dict[str, str], name: str) -> None:
    assert run_name(labels) == name
    assert cell_name(labels) == name.rpartition(" s")[0]
