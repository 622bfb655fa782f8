"""Every field of `TrialSpec` changes what it should in a recorded trial, and nothing else."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import BaseModel

from datasets.lake import Lake
from tests.wires.recording import Recording, record
from training.loop.epoch import ValScores
from training.models import build_network
from training.spec import TrialSpec
from training.spec.identity import WHERE

FOLLOWS: Mapping[str, str] = {
    "train_scenes": "crops",
    "crops": "inputs labels order",
    "statistics": "inputs val_loss scores",
    "inputs": "fed",
    "fed": "loss",
    "labels": "loss",
    "network": "start",
    "start": "loss",
    "loss": "step",
    "step": "trained val_loss",
    "order": "trained val_loss",
    "lr": "trained val_loss",
    "val_scenes": "val val_loss",
    "test_scenes": "test",
    "test": "scores",
    "best": "trained",
    "trained": "scores",
}
"""What another wire follows from: whoever changes the first changes these too."""

PIXEL: Mapping[str, Any] = {
    "data": {
        "ratio": 10,
        "patch_size": 16,
        "channels": ["nersc_sar_primary", "sar_incidenceangle", "u10m_rotated", "v10m_rotated", "month"],
        "max_masked": 0.9,
    },
    "model": {"name": "tests.wires.networks:Plain"},
    "optimizer": {"lr": 1e-2, "restart_epochs": 2},
    "loop": {"batch_size": 4, "batches_per_epoch": 2, "max_epochs": 1, "precision": "float32"},
    "evaluation": {"fixed_ratio": None},
}
PATCH = {
    "data.task": "patch",
    "model.params": {"pooled": True},
    "data.ratio": 2,
    "data.stride": 12,
    "loop.batch_size": 12,
}
LONG = {"loop.max_epochs": 4, "loop.batches_per_epoch": 1, "optimizer.schedule": "none"}
"""Several epochs, with the val scores of `GIVEN`."""


def _val(loss: float, f1: float, score: float) -> ValScores:
    return ValScores(loss=loss, f1=f1, f1_macro=f1, accuracy=f1, score=score)


GIVEN = (_val(3.0, 0.1, 0.3), _val(2.0, 0.2, 0.2), _val(2.5, 0.4, 0.4), _val(2.6, 0.3, 0.5))


@dataclass(frozen=True)
class Row:
    """What a field is set to, what changes by it beside what follows, and the trial that it is changed in.

    What may stay follows in most trials, and by chance not in this small one.
    """

    value: Any
    changes: str
    base: Mapping[str, Any] = field(default_factory=dict)
    with_it: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[ValScores, ...] = ()
    may_stay: str = ""


GIVEN_INPUTS = {"model.inputs.mean": [-20.0, *[None] * 4], "model.inputs.std": [5.0, *[None] * 4]}
WEIGHTS = "weights of another network"
"""Stands for the path of a file that the test writes."""
EVERYTHING = "statistics crops val test val_loss order"

ROWS: Mapping[str, Row] = {
    "data.task": Row(
        "patch",
        "crops labels val val_loss test",
        with_it={"model.params": {"pooled": True}},
        base={
            "data.ratio": 2,
            "data.stride": 12,
            "model.params": {"pooled": False},
        },
    ),
    "data.ratio": Row(5, EVERYTHING),
    "data.channels": Row(
        ["nersc_sar_secondary", "sar_incidenceangle", "u10m_rotated", "v10m_rotated", "month"], "statistics"
    ),
    "data.targets": Row(["FLOE"], "labels network val_loss"),
    "data.patch_size": Row(20, "crops"),
    "data.max_masked": Row(0.05, "crops"),
    "data.max_land": Row(0.0, "crops"),
    "data.border_distance": Row(1600.0, "crops"),
    "data.stride": Row(9, "crops val val_loss test", base=PATCH, may_stay="labels"),
    "data.stride_m": Row(720.0, "crops val val_loss test", base=PATCH, may_stay="labels"),
    "data.balanced": Row(True, "crops", base=PATCH),
    "data.scene_share": Row(0.2, "train_scenes"),
    "data.max_patches": Row(2, "crops"),
    "data.statistics": Row("scene_average", "statistics"),
    "data.dominance": Row(1.0, "crops val_loss"),
    # No val scene is of spring: training scenes are held out.
    "data.selection": Row("source", "statistics val_scenes train_scenes", base={"data.train.season": "spring"}),
    "data.size_matched": Row(True, "train_scenes", base={"data.train.season": "spring"}),
    "data.train.season": Row("spring", "train_scenes"),
    "data.train.location": Row("cat3", "train_scenes"),
    "data.train.cryoseason": Row("freeze", "train_scenes"),
    "data.val.season": Row("winter", "val_scenes"),
    "data.val.location": Row("cat2", "val_scenes"),
    "data.val.cryoseason": Row("known", "val_scenes"),
    "data.test.season": Row("spring", "test_scenes"),
    "data.test.location": Row("cat3", "test_scenes"),
    "data.test.cryoseason": Row("melt", "test_scenes"),
    "model.name": Row("unet", "network val_loss", with_it={"model.params": {"filters": [4, 4]}}),
    "model.params": Row({"width": 6}, "network val_loss"),
    "model.pretrained": Row(WEIGHTS, "start val_loss"),
    "model.freeze": Row("encoder", "step val_loss"),
    "model.inputs.channels": Row(
        ["sar_incidenceangle", "nersc_sar_primary", "nersc_sar_primary", "u10m_rotated", "month"], "statistics"
    ),
    "model.inputs.mean": Row([-10.0, *[None] * 4], "statistics", base=GIVEN_INPUTS),
    "model.inputs.std": Row([4.0, *[None] * 4], "statistics", base=GIVEN_INPUTS),
    "model.inputs.sar": Row("power", "inputs val_loss", base=GIVEN_INPUTS),
    "model.head": Row("linear", "network val_loss"),
    "optimizer.name": Row("sgd", "step val_loss"),
    "optimizer.lr": Row(0.03, "lr step val_loss"),
    "optimizer.encoder_lr_factor": Row(0.1, "step val_loss"),
    "optimizer.weight_decay": Row(0.5, "step val_loss"),
    "optimizer.momentum": Row(0.1, "trained val_loss", base={"optimizer.name": "sgd"}),
    "optimizer.clip_norm": Row(1e-3, "step val_loss", base={"optimizer.name": "sgd"}),
    "optimizer.schedule": Row("none", "lr val_loss"),
    "optimizer.length": Row("trial", "lr val_loss"),
    "optimizer.restart_epochs": Row(1, "lr val_loss"),
    "optimizer.step_epochs": Row(
        2, "lr", base={**LONG, "optimizer.schedule": "step", "optimizer.step_epochs": 1}, given=GIVEN
    ),
    "optimizer.plateau_epochs": Row(
        2,
        "lr",
        base={
            **LONG,
            "loop.max_epochs": 5,
            "optimizer.schedule": "plateau",
            "optimizer.plateau_epochs": 1,
            "loop.monitor": "score",
        },
        given=(*GIVEN, _val(2.7, 0.2, 0.6)),
    ),
    "optimizer.factor": Row(
        0.5, "lr", base={**LONG, "optimizer.schedule": "step", "optimizer.step_epochs": 1}, given=GIVEN
    ),
    "loss.name": Row("dice", "loss val_loss"),
    "loss.focal_gamma": Row(5.0, "loss val_loss", base={"loss.name": "focal"}),
    "loss.class_weights": Row("balanced", "loss val_loss"),
    "loss.sic": Row("regression", "network val_loss", base={"data.targets": ["SIC"]}),
    "loss.task_weights": Row({"SOD": 2.0}, "loss val_loss", base={"data.targets": ["SOD", "FLOE"]}),
    "augment.flip_lines": Row(1.0, "fed labels"),
    "augment.flip_samples": Row(1.0, "fed labels"),
    "augment.rotate90": Row(1.0, "fed labels"),
    "augment.rotate": Row(1.0, "fed labels"),
    "augment.rotate_degrees": Row(90.0, "fed labels", base={"augment.rotate": 1.0}),
    "augment.scale": Row(1.0, "fed labels"),
    "augment.scale_range": Row(0.5, "fed labels", base={"augment.scale": 1.0}),
    "augment.turn_wind": Row(True, "fed", base={"augment.rotate90": 1.0}),
    "augment.cutmix": Row(1.0, "fed labels"),
    "augment.cutmix_alpha": Row(9.0, "fed labels", base={"augment.cutmix": 1.0}),
    "loop.batch_size": Row(3, "crops"),
    "loop.batches_per_epoch": Row(3, "order lr val_loss"),
    "loop.max_epochs": Row(3, "order lr best epochs", base={"loop.max_epochs": 1, "loop.batches_per_epoch": 1}),
    "loop.patience": Row(1, "order lr epochs", base=LONG, given=GIVEN),
    "loop.monitor": Row("f1", "best", base=LONG, given=GIVEN),
    "loop.precision": Row("bfloat16", "fed"),
    "loop.val_precision": Row("training", "val_types val_loss", base={"loop.precision": "bfloat16"}),
    "loop.compile": Row(True, "compiled"),
    "loop.feed": Row("device", "held"),
    "evaluation.fixed_ratio": Row(2, "scores"),
    "evaluation.tile": Row(64, "val test", base={"data.ratio": 2}),
    "evaluation.map_stride": Row(6, "test", base=PATCH),
    "evaluation.map_stride_m": Row(480.0, "test", base=PATCH),
    "evaluation.dominance": Row([1.0], "scores"),
    "evaluation.maps": Row("small", "drawn"),
    "seed": Row(1, "crops start"),
}
MAY_STAY = {"val_loss", "scores", "trained"}
"""Follow by rounding only: a wire may lead there and change no digit of a trial of seconds."""


def fields_of(part: type[BaseModel], place: str = "") -> set[str]:
    """Dotted names of all fields."""
    found = set[str]()
    for name, each in part.model_fields.items():
        inner = each.annotation
        nested = isinstance(inner, type) and issubclass(inner, BaseModel)
        found |= fields_of(inner, f"{place}{name}.") if nested else {f"{place}{name}"}  # type: ignore[arg-type]
    return found


def closure(names: str) -> set[str]:
    """These wires and all that follow."""
    found, waiting = set[str](), names.split()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += FOLLOWS.get(name, "").split()
    return found


def test_every_field_has_a_row() -> None:
    assert set(ROWS) | {"data.lake"} == fields_of(TrialSpec)


@pytest.fixture(scope="module")
def recorded(wired_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recording]:
    """Records each trial once, as many rows change the same one."""
    torch.set_num_threads(1)

    @functools.cache
    def once(spec: str, given: tuple[ValScores, ...]) -> Recording:
        folder = tmp_path_factory.mktemp("trial")
        return record(TrialSpec.from_dict(json.loads(spec)), wired_lake, folder, given=given).wires

    return lambda spec, given: once(json.dumps(spec.to_dict(), sort_keys=True), given)


@pytest.mark.parametrize("name", ROWS)
def test_a_field_changes_what_it_should_and_nothing_else(
    name: str, recorded: Callable[..., Recording], tmp_path: Path
) -> None:
    row = ROWS[name]
    base = TrialSpec.from_dict(PIXEL).with_all(row.base)
    value = row.value
    if value == WEIGHTS:
        value = str(tmp_path / "weights.pth")
        torch.manual_seed(99)
        torch.save(build_network(base).state_dict(), value)
    changed = recorded(base.with_all({name: value, **row.with_it}), row.given).differs_from(recorded(base, row.given))
    wanted = closure(row.changes) | ({"identity"} if name not in WHERE else set())
    assert changed <= wanted, f"{name} changes {changed - wanted} too"
    must = wanted - MAY_STAY - {*row.may_stay.split()}
    assert must <= changed, f"{name} does not change {must - changed}"
    assert {*row.changes.split()} <= changed


def test_the_lake_of_a_spec_is_the_one_that_it_runs_on(recorded: Callable[..., Recording], wired_lake: Lake) -> None:
    base = TrialSpec.from_dict(PIXEL)
    assert recorded(base.with_("data.lake", wired_lake.digest), ()) == recorded(base, ())
