"""The published trials: their settings by the facts, and that each could start."""

import pytest

from datasets.errors import UnknownNameError
from training.models import check_network
from training.models.heads import n_outputs
from training.spec import TrialSpec
from training.spec.protocols import BASELINES, baseline


def test_the_unet_is_that_of_icebench() -> None:
    spec = baseline("icebench_unet")
    assert (spec.data.ratio, spec.data.patch_size, spec.data.max_masked) == (2, 256, 0.3)
    assert spec.data.channels == TrialSpec().data.channels
    assert (spec.loop.batch_size, spec.loop.batches_per_epoch, spec.loop.max_epochs, spec.loop.patience) == (
        16, 500, 300, 30,
    )  # fmt: skip
    assert (spec.optimizer.name, spec.optimizer.lr, spec.optimizer.weight_decay) == ("adam", 1e-4, 0.0)
    assert (spec.augment.flip_lines, spec.augment.rotate, spec.augment.rotate_degrees) == (0.5, 1.0, 10.0)


def test_the_winner_has_three_charts_at_800_m() -> None:
    spec = baseline("autoice_winner")
    assert spec.data.targets == ("SIC", "SOD", "FLOE")
    assert spec.data.ratio * 40 == 800
    assert spec.loss.sic == "regression"
    assert dict(spec.loss.task_weights) == {"SIC": 1.0, "SOD": 3.0, "FLOE": 3.0}
    assert (spec.optimizer.name, spec.optimizer.lr, spec.optimizer.weight_decay) == ("sgd", 1e-3, 0.01)
    assert spec.loop.monitor == "score"
    assert n_outputs(spec) == 1 + 6 + 7


@pytest.mark.parametrize("name", BASELINES)
def test_every_published_trial_could_start(name: str) -> None:
    spec = BASELINES[name].with_("model.pretrained", None)
    check_network(spec)
    assert TrialSpec.from_yaml(spec.to_yaml()) == spec


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'icebench_unet'"):
        baseline("icebench_unte")
