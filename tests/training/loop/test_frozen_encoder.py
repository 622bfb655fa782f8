"""A frozen encoder stays as it is, whatever the optimizer does; an encoder may also have a rate of its own."""

import pytest
import torch
from torch import nn

from tests.training.loop.training_batches import InMemory, learnable, trainer_of
from training.loop.epoch import ValScores
from training.loop.trainer import FitState, copy_weights
from training.models import build_network
from training.spec import ModelSpec, OptimizerSpec, TrialSpec

SPEC = TrialSpec().with_all(
    {"data.channels": ["t2m", "month"], "model.params": {"filters": [4, 4]}, "model.freeze": "encoder"}
)
SCORES = ValScores(loss=1.0, f1=0.1, f1_macro=0.1, accuracy=0.1, score=0.1)


def network(spec: TrialSpec = SPEC) -> nn.Module:
    torch.manual_seed(0)
    return build_network(spec)


def batches() -> InMemory:
    return InMemory(2, lambda epoch, number: learnable(10 * epoch + number))


def validate(model: nn.Module) -> ValScores:
    model.eval()
    return SCORES


def fitted(model: nn.Module, spec: TrialSpec, epochs: int, state: FitState | None = None) -> FitState:
    trainer = trainer_of(model, 2, spec.optimizer, network=spec.model, max_epochs=epochs)
    return trainer.fit(batches(), validate, state=state)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_nothing_of_it_changes_and_the_optimizer_does_not_know_it(optimizer: str) -> None:
    model = network()
    before = copy_weights(model)
    spec = SPEC.with_all({"optimizer.name": optimizer, "optimizer.lr": 0.1, "optimizer.weight_decay": 0.5})
    state = fitted(model, spec, epochs=2)
    frozen = [name for name in before if name.startswith(("inlet.", "down."))]
    assert any(name.endswith("running_mean") for name in frozen)
    for name, value in state.weights.items():
        assert torch.equal(value, before[name]) == (name in frozen), name
    trained = [name for name, _ in model.named_parameters() if name not in frozen]
    (group,) = state.optimizer["param_groups"]
    assert len(group["params"]) == len(state.optimizer["state"]) == len(trained)
    assert all(parameter.grad is None for name, parameter in model.named_parameters() if name in frozen)


def test_its_layers_are_in_eval_mode_while_the_rest_trains() -> None:
    model, modes = network(), dict[str, bool]()

    def seen(own: nn.Module, args: object) -> None:
        modes.update({name: module.training for name, module in model.named_modules()})

    handle = model.register_forward_pre_hook(seen)
    fitted(model, SPEC, epochs=2)
    handle.remove()
    assert {modes[name] for name in modes if name.startswith(("inlet", "down"))} == {False}
    assert {modes[name] for name in modes if name.startswith(("up", "outlet"))} == {True}


@pytest.mark.parametrize("changes", [{}, {"model.freeze": "none", "optimizer.encoder_lr_factor": 0.1}])
def test_a_training_goes_on_as_if_it_had_never_stopped(changes: dict[str, object]) -> None:
    spec = SPEC.with_all(changes)
    whole = fitted(network(spec), spec, epochs=3)
    first = fitted(network(spec), spec, epochs=1)
    rest = fitted(network(spec), spec, epochs=3, state=first)
    for name, value in whole.weights.items():
        assert torch.equal(value, rest.weights[name]), name


@pytest.mark.parametrize("schedule", ["none", "cosine", "step", "plateau"])
def test_an_encoder_has_its_own_rate_from_the_first_batch_to_the_last(schedule: str) -> None:
    spec = SPEC.with_all(
        {"model.freeze": "none", "optimizer.encoder_lr_factor": 0.1, "optimizer.lr": 0.01}
        | {"optimizer.schedule": schedule, "optimizer.step_epochs": 1, "optimizer.plateau_epochs": 1}
    )
    model = network(spec)
    trainer = trainer_of(model, 2, spec.optimizer, network=spec.model, max_epochs=4)
    rest, encoder = trainer._optimizer.param_groups
    inside = {id(parameter) for parameter in encoder["params"]}
    assert inside == {id(each) for part in (model.inlet, model.down) for each in part.parameters()}  # type: ignore[union-attr]
    assert len(rest["params"]) + len(inside) == len(list(model.parameters()))
    state = trainer.fit(batches(), validate)
    assert encoder["lr"] == pytest.approx(0.1 * rest["lr"])
    assert state.history[0].lr == 0.01


def test_without_an_option_there_is_one_group_of_all_weights() -> None:
    model = network(SPEC.with_("model.freeze", "none"))
    trainer = trainer_of(model, 2, OptimizerSpec(), network=ModelSpec())
    (group,) = trainer._optimizer.param_groups
    assert [id(each) for each in group["params"]] == [id(each) for each in model.parameters()]
