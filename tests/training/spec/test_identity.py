"""Ids that were given stay when the program grows, and trials that differ have different ones."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, get_args

import pytest
import torch
from pydantic import BaseModel, Field
from pydantic_core import PydanticUndefined, to_jsonable_python

from tests.recorded import FOLDER, recorded
from training.attribution import settings as attribution
from training.attribution.result import AttributionResult
from training.attribution.settings import AttributionSettings
from training.evaluation.result import TrialResult
from training.loop.checkpoint import load_checkpoint
from training.spec import DataSpec, ModelSpec, SpecError, TrialSpec, identity
from training.spec.errors import Part
from training.spec.identity import digest, document, earlier_ids

SPECS: dict[str, Any] = recorded("specs.json")
ATTRIBUTIONS: dict[str, Any] = recorded("attributions.json")
SPELLINGS: dict[str, Any] = recorded("spellings.json")


class Pretraining(Part):
    epochs: int = 5


class FromScratch(Part):
    kind: Literal["scratch"] = "scratch"


class FromTeacher(Part):
    kind: Literal["teacher"] = "teacher"


class GrownData(DataSpec):
    flip_colours: bool = False
    extra_channels: tuple[str, ...] = ()


class GrownSpec(TrialSpec):
    """The spec of a later program."""

    data: GrownData = GrownData()
    warm_up: int = 3
    options: dict[str, Any] = Field(default_factory=lambda: {"a": 1})
    pretraining: Pretraining = Pretraining()
    distilled: Pretraining | None = None
    start: FromScratch | FromTeacher | None = None


class GrownSettings(AttributionSettings):
    smoothing: float = 0.0


def leaves(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, object]]:
    """Dotted name and default of every field."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from leaves(type(default), f"{place}{name}.")
        else:
            yield f"{place}{name}", default


# ids that were given


@pytest.mark.parametrize("spec_type", [TrialSpec, GrownSpec])
@pytest.mark.parametrize("name", SPECS)
def test_specs_of_the_first_program_keep_their_ids(name: str, spec_type: type[TrialSpec]) -> None:
    spec = spec_type.from_dict(SPECS[name]["spec"])
    assert spec.trial_id == SPECS[name]["trial_id"]
    assert earlier_ids(spec) == {}
    assert spec_type.from_yaml(spec.to_yaml()).trial_id == spec.trial_id


@pytest.mark.parametrize("settings_type", [AttributionSettings, GrownSettings])
@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_attributions_of_the_first_program_keep_their_ids(name: str, settings_type: type[AttributionSettings]) -> None:
    trained = TrialSpec.from_dict(ATTRIBUTIONS[name]["spec"]).trial_id
    settings = settings_type.model_validate(ATTRIBUTIONS[name]["settings"])
    assert settings.trial_id(trained) == ATTRIBUTIONS[name]["trial_id"]
    assert settings.earlier_ids(trained, {}) == {}


def test_files_of_the_first_program_are_read() -> None:
    assert TrialSpec.from_file(FOLDER / "spec.yaml").trial_id == SPECS["protocol icebench_resnet50"]["trial_id"]
    result = TrialResult.model_validate_json((FOLDER / "result.json").read_text(encoding="utf-8"))
    assert load_checkpoint(FOLDER / "best.pt").spec.trial_id == result.trial_id
    assert load_checkpoint(FOLDER / "best.pt").model() is not None


def test_the_first_generation_is_what_the_first_program_had() -> None:
    def names(content: Mapping[str, Any], place: str = "") -> Iterator[str]:
        for name, value in content.items():
            inner = isinstance(value, dict) and f"{place}{name}" not in ("model.params", "loss.task_weights")
            yield from names(value, f"{place}{name}.") if inner else [f"{place}{name}"]

    assert tuple(sorted(names(SPECS["default"]["spec"]))) == identity.FIRST
    (settings, *_) = ATTRIBUTIONS.values()
    assert tuple(sorted(settings["settings"])) == attribution.FIRST


# words


@pytest.mark.parametrize(("old", "word"), [("segmentation", "pixel"), ("classification", "patch")])
def test_the_former_words_for_the_tasks_are_read_and_written_in_those_of_today(old: str, word: str) -> None:
    spec = TrialSpec().with_("data.task", old)
    assert spec == TrialSpec.from_yaml(f"data: {{task: {old}}}") == TrialSpec.from_dict({"data": {"task": word}})
    assert spec.to_dict()["data"]["task"] == spec.flat()["data.task"] == word
    assert f"task: {word}" in spec.to_yaml()
    assert document(spec, identity.FIRST, rules=1, came_with={})["data"]["task"] == old


def test_another_word_for_a_task_is_refused_with_those_of_today() -> None:
    with pytest.raises(SpecError, match=r"data.task = 'pixels' is not allowed: .*'pixel' or 'patch'"):
        TrialSpec().with_("data.task", "pixels")
    with pytest.raises(SpecError, match=r"data.task = \[1\] is not allowed"):
        TrialSpec().with_("data.task", [1])


def test_a_checkpoint_of_the_first_program_is_of_a_pixel_based_network() -> None:
    assert torch.load(FOLDER / "best.pt", weights_only=True)["spec"]["data"]["task"] == "segmentation"
    assert load_checkpoint(FOLDER / "best.pt").spec.data.task == "pixel"


def test_an_attribution_of_the_first_program_is_read() -> None:
    (row,) = recorded("mlflow.json")[1]["rows"]
    (text,) = row["files"].values()
    assert json.loads(text)["task"] == "segmentation"
    assert AttributionResult.from_json(text).task == "pixel"


# growth


@pytest.mark.parametrize(
    "later",
    [
        {"data": {"flip_colours": True}},
        {"data": {"extra_channels": ["t2m"]}},
        {"warm_up": 4},
        {"options": {"a": 2}},
        {"options": {}},
        {"pretraining": {"epochs": 6}},
        {"distilled": {}},
        {"distilled": {"epochs": 6}},
        {"start": {"kind": "scratch"}},
        {"start": {"kind": "teacher"}},
    ],
)
def test_a_later_field_counts_where_it_is_set(later: dict[str, Any]) -> None:
    assert GrownSpec.from_dict(later).trial_id != GrownSpec().trial_id


def test_kinds_of_a_later_part_are_told_apart() -> None:
    kinds = [GrownSpec.from_dict({"start": {"kind": kind}}).trial_id for kind in ("scratch", "teacher")]
    assert len(set(kinds)) == 2


def test_a_later_setting_of_an_attribution_counts_where_it_is_set() -> None:
    plain = AttributionSettings().trial_id("t")
    assert GrownSettings().trial_id("t") == GrownSettings(smoothing=0.0).trial_id("t") == plain
    assert GrownSettings(smoothing=1.0).trial_id("t") != plain


def test_a_later_field_that_is_spelled_out_at_its_default_changes_nothing() -> None:
    spelled = {
        "data": {"flip_colours": False, "extra_channels": []},
        "warm_up": 3,
        "options": {"a": 1},
        "pretraining": {"epochs": 5},
        "distilled": None,
    }
    assert GrownSpec.from_dict(spelled).trial_id == TrialSpec().trial_id


def test_a_changed_default_changes_no_id_once_the_first_one_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(GrownSpec):
        warm_up: int = 10

    monkeypatch.setattr(identity, "CAME_WITH", {"warm_up": 3})
    assert Later(warm_up=3).trial_id == TrialSpec().trial_id
    assert Later().trial_id == Later(warm_up=10).trial_id == GrownSpec(warm_up=10).trial_id != TrialSpec().trial_id


def complaints(
    settings: type[BaseModel],
    first: Collection[str],
    came_with: Mapping[str, object],
    rules: Collection[int],
    table: Mapping[str, Any],
) -> list[str]:
    """What stands in the way of ids that last: of the later fields of settings against the table of their defaults."""
    found = []
    for name, default in leaves(settings):
        if name in first or name in identity.WHERE:
            continue
        assert default is not PydanticUndefined, f"{name} needs a default: finished trials have no value of it"
        left_out, known = to_jsonable_python(came_with.get(name, default)), table["defaults"]
        if table["rules"] != max(rules):
            found.append("the number of the rules was raised: write it and all later defaults into later_defaults.json")
        elif name not in known:
            found.append(f'{name} is new: write "{name}": {left_out!r} into tests/data/identity/later_defaults.json')
        elif known[name] != left_out:
            found.append(
                f"the default of {name} was {known[name]!r} and is {left_out!r}: trials that never named it would get "
                f"another meaning under their id. Note {known[name]!r} for it in CAME_WITH, and all ids stay; or raise "
                "the number in RULES, and all trials run again"
            )
    return found


def test_no_default_of_a_later_field_changed_unseen() -> None:
    table = recorded("later_defaults.json")
    spec = complaints(TrialSpec, identity.FIRST, identity.CAME_WITH, identity.RULES, table["TrialSpec"])
    of_attribution = (AttributionSettings, attribution.FIRST, attribution.CAME_WITH, attribution.RULES)
    assert spec + complaints(*of_attribution, table["AttributionSettings"]) == []


def test_a_default_that_changed_unseen_is_named_with_its_cure() -> None:
    class Small(TrialSpec):
        warm_up: int = 3

    others = recorded("later_defaults.json")["TrialSpec"]["defaults"]

    def of(came_with: Mapping[str, object], newest: int, table: dict[str, Any]) -> list[str]:
        known = {"rules": table["rules"], "defaults": {**others, **table["defaults"]}}
        return complaints(Small, identity.FIRST, came_with, range(1, newest + 1), known)

    assert of({}, 1, {"rules": 1, "defaults": {"warm_up": 3}}) == []
    assert "warm_up is new" in of({}, 1, {"rules": 1, "defaults": {}})[0]
    assert "was 5 and is 3" in of({}, 1, {"rules": 1, "defaults": {"warm_up": 5}})[0]
    assert of({"warm_up": 5}, 1, {"rules": 1, "defaults": {"warm_up": 5}}) == []
    assert "was raised" in of({}, 2, {"rules": 1, "defaults": {"warm_up": 3}})[0]


# every field counts, and none says where

CHANGED: dict[str, Any] = {
    "data.lake": "ab", "data.task": "patch", "data.ratio": 5, "data.channels": ["t2m"],
    "data.targets": ["SIC"], "data.patch_size": 64, "data.max_masked": 0.5, "data.max_land": 0.5,
    "data.border_distance": 100.0, "data.stride": 50, "data.balanced": True, "data.scene_share": 0.5,
    "data.max_patches": 7, "data.statistics": "scene_average", "model.name": "deeplabv3", "model.params": {"a": 1},
    "model.pretrained": "imagenet", "optimizer.name": "sgd", "optimizer.lr": 1e-3, "optimizer.weight_decay": 0.1,
    "optimizer.momentum": 0.5, "optimizer.clip_norm": 1.0, "optimizer.schedule": "step",
    "optimizer.restart_epochs": 5, "optimizer.step_epochs": 5, "optimizer.plateau_epochs": 5, "optimizer.factor": 0.5,
    "loss.name": "dice", "loss.focal_gamma": 1.0, "loss.class_weights": "balanced", "loss.sic": "regression",
    "loss.task_weights": {"SOD": 2.0}, "augment.flip_lines": 0.5, "augment.flip_samples": 0.5, "augment.rotate90": 0.5,
    "augment.rotate": 0.5, "augment.rotate_degrees": 20.0, "augment.scale": 0.5, "augment.scale_range": 0.2,
    "augment.turn_wind": True, "augment.cutmix": 0.5, "augment.cutmix_alpha": 2.0, "loop.batch_size": 8,
    "loop.batches_per_epoch": 9, "loop.max_epochs": 9, "loop.patience": 9, "loop.monitor": "f1",
    "loop.precision": "float32", "loop.compile": True, "evaluation.fixed_ratio": None, "evaluation.tile": 512,
    "evaluation.map_stride": 9, "seed": 9, "data.stride_m": 4000.0, "data.dominance": 0.9, "data.selection": "source",
    "data.size_matched": True, "optimizer.length": "trial", "evaluation.map_stride_m": 4000.0,
    "evaluation.dominance": [0.9], "model.freeze": "encoder", "model.head": "linear",
    "model.inputs.channels": ["nersc_sar_primary"], "model.inputs.mean": [1.0], "model.inputs.std": [2.0],
    "model.inputs.sar": "power",
    "optimizer.encoder_lr_factor": 0.1, "loop.val_precision": "training",
    **{f"data.{split}.season": "winter" for split in ("train", "val", "test")},
    **{f"data.{split}.location": "cat1" for split in ("train", "val", "test")},
    **{f"data.{split}.cryoseason": "melt" for split in ("train", "val", "test")},
}  # fmt: skip
OTHER_SETTINGS: dict[str, Any] = {
    "method": "deeplift", "split": "val", "target": "SIC", "classes": ("old_ice",), "baseline": "mean", "baselines": 3,
    "steps": 3, "samples": 3, "groups": False, "patches_per_scene": 3, "seed": 3,
}  # fmt: skip


def test_a_change_of_any_field_changes_the_id() -> None:
    fields = {name for name, _ in leaves(TrialSpec)}
    assert CHANGED.keys() == fields - identity.WHERE, "name a changed value of a new field here"
    one_input = {"model.inputs.channels": ["nersc_sar_primary"], "model.inputs.mean": [0.5], "model.inputs.std": [0.5]}
    with_others = {  # fields that a value needs
        "data.size_matched": {"data.train.season": "winter"},
        **{f"model.inputs.{name}": one_input for name in ("mean", "std", "sar")},
    }
    ids = {
        name: TrialSpec().with_all({**with_others.get(name, {}), name: value}).trial_id
        for name, value in CHANGED.items()
    }
    assert len({*ids.values(), TrialSpec().trial_id}) == len(ids) + 1
    assert OTHER_SETTINGS.keys() == {name for name, _ in leaves(AttributionSettings)}
    others = {AttributionSettings.of(**{name: value}).trial_id("t") for name, value in OTHER_SETTINGS.items()}
    assert len({*others, AttributionSettings().trial_id("t"), AttributionSettings().trial_id("u")}) == len(others) + 2


def test_what_changes_no_number_is_not_part_of_the_id() -> None:
    assert {name for name, _ in leaves(TrialSpec)} > identity.WHERE
    others = {"loop.feed": ("loader", "device"), "evaluation.maps": ("small", "none")}
    assert others.keys() == identity.WHERE
    ids = {TrialSpec().with_(name, value).trial_id for name, values in others.items() for value in values}
    assert ids == {TrialSpec().trial_id}


@pytest.mark.parametrize("settings", [TrialSpec, AttributionSettings])
def test_no_field_says_where_a_trial_runs(settings: type[BaseModel]) -> None:
    where = {
        "device", "devices", "gpu", "gpus", "cpu", "cpus", "worker", "workers", "process", "processes", "thread",
        "threads", "node", "nodes", "host", "url", "uri", "path", "folder", "file", "storage", "cache", "tracking",
    }  # fmt: skip
    said = {word for name, _ in leaves(settings) for word in name.replace(".", "_").split("_")}
    assert not said & where, "this belongs to the launcher: a trial is the same wherever it runs"


def test_untyped_values_are_known_to_the_one_form() -> None:
    free = {
        f"{part}.{name}"
        for part, field in TrialSpec.model_fields.items()
        if isinstance(default := field.get_default(call_default_factory=True), BaseModel)
        for name, inner in type(default).model_fields.items()
        if Any in get_args(inner.annotation) or inner.annotation is Any
    }
    assert free == identity._UNTYPED


# one form of equal values


def with_weights(given: str) -> str:
    return TrialSpec(model=ModelSpec(pretrained=given)).trial_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("w.pth", "./w.pth"),
        ("a/b.pth", "a//b.pth"),
        ("a/b.pth", "./a/./b.pth"),
        ("/a/b.pth", "//a/b.pth"),
        ("./imagenet", ".//imagenet"),
        ("a/w.pth#0123abcd", "/elsewhere/w.pth#0123ABCD"),
        ("a/w.pth#0123abcd", f"a/w.pth#0123abcd{'7' * 56}"),
    ],
)
def test_spellings_of_the_same_weights_have_one_id(one: str, other: str) -> None:
    assert with_weights(one) == with_weights(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("imagenet", "./imagenet"),
        ("a/w.pth", "/a/w.pth"),
        ("a/../w.pth", "w.pth"),
        ("w.pth", "W.pth"),
        ("w.pth", "w.pth#0123abcd"),
        ("w.pth#0123abcd", "w.pth#0123abce"),
        ("w.pth#0123abcd", "sha256:0123abcd"),
    ],
)
def test_weights_that_may_differ_have_different_ids(one: str, other: str) -> None:
    assert with_weights(one) != with_weights(other)


def test_equal_numbers_and_containers_have_one_id() -> None:
    def of(params: dict[str, Any], **changes: object) -> str:
        return TrialSpec(model=ModelSpec(params=params)).with_all(changes).trial_id

    assert of({"a": 1, "b": [2, 3]}) == of({"b": (2.0, 3), "a": 1.0})
    assert of({"a": {"c": 0, "b": 1e3}}) == of({"a": {"b": 1000, "c": -0.0}})
    assert of({"a": 1}) != of({"a": True})
    assert of({"a": 1}) != of({"a": "1"})
    assert of({"a": 0.5}) != of({"a": 0})
    assert of({}, **{"loss.task_weights": {"SOD": 3}}) == of({}, **{"loss.task_weights": {"SOD": 3.0}})
    assert of({}, **{"optimizer.weight_decay": -0.0}) == of({}) == of({}, **{"optimizer.weight_decay": 0})


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_id_of_another_spelling_is_told_with_the_reason(name: str) -> None:
    spec = TrialSpec.from_dict(SPELLINGS[name]["spec"])
    assert spec.trial_id != SPELLINGS[name]["trial_id"]
    assert list(earlier_ids(spec)) == [SPELLINGS[name]["trial_id"]]
    assert "spelling" in earlier_ids(spec)[SPELLINGS[name]["trial_id"]]


# the number of the rules


def test_a_raised_number_tells_every_trial_apart_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: TrialSpec(seed=number).trial_id for number in range(3)}
    of_attribution = AttributionSettings().trial_id(before[0])
    monkeypatch.setattr(identity, "RULES", {1: "first", 2: "crops are drawn by area", 3: "land is masked"})
    assert earlier_ids(TrialSpec())[before[0]] == "crops are drawn by area; land is masked"
    assert list(earlier_ids(TrialSpec()).values())[1] == "land is masked"
    assert len({TrialSpec().trial_id, *earlier_ids(TrialSpec())}) == 3
    assert TrialSpec(seed=1).trial_id not in before.values()
    now = TrialSpec().trial_id
    earlier = AttributionSettings().earlier_ids(now, earlier_ids(TrialSpec()))
    assert earlier[of_attribution] == "crops are drawn by area; land is masked"
    assert AttributionSettings().trial_id(now) not in earlier
    assert document(TrialSpec(), identity.FIRST, rules=3, came_with={})["rules"] == 3


def test_attributions_have_a_number_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = AttributionSettings().trial_id("t")
    monkeypatch.setattr(attribution, "RULES", {1: "first", 2: "baselines are drawn by season"})
    assert AttributionSettings().earlier_ids("t", {}) == {before: "baselines are drawn by season"}
    both = AttributionSettings().earlier_ids("t", {"s": "land is masked"})
    assert sorted(both.values()) == [
        "baselines are drawn by season",
        "land is masked",
        "land is masked; baselines are drawn by season",
    ]
    assert TrialSpec().trial_id == SPECS["default"]["trial_id"]


def test_numbers_count_from_1_without_a_gap_and_say_why() -> None:
    for rules in (identity.RULES, attribution.RULES):
        assert list(rules) == list(range(1, len(rules) + 1))
        assert all(rules.values())


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1, {"d": 2, "c": 3}]}) == digest({"b": [1, {"c": 3, "d": 2}], "a": 1})
