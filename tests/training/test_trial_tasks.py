"""Whole trials of every kind: patch-based, three charts at once, stopped and gone on, of a user's own network."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.patches.index_build import build_index
from datasets.patches.patch_rules import PatchRule
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.result import TrialResult
from training.loop.checkpoint import CheckpointError, load_checkpoint
from training.loop.checkpoint_files import BEST, LAST
from training.loop.epoch import TrainingProgress
from training.spec import SpecError, TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial


@pytest.fixture(scope="module")
def patch_spec(small_spec: TrialSpec) -> TrialSpec:
    """A patch-based trial of seconds."""
    return small_spec.with_all(
        {
            "data.task": "classification",
            "data.ratio": 2,
            "data.patch_size": 24,
            "data.stride": 12,
            "model": {"name": "cnn"},
            "loop.batches_per_epoch": 4,
        }
    )


def scores(result: TrialResult) -> dict[str, float]:
    return {name: value for name, value in result.metrics.items() if not name.startswith("cost/")}


def test_a_patch_based_trial_is_scored_on_patches_and_as_a_map(
    tiny_lake: Lake, patch_spec: TrialSpec, tmp_path: Path
) -> None:
    tracker = MemoryTracker()
    result = run_trial(patch_spec, tiny_lake, tracker, folder=tmp_path, cache=None)
    assert {"test/f1", "test_80m/f1", "test_patches/f1"} <= result.metrics.keys()
    pixels = ConfusionMatrix.from_lists(result.matrices["test/SOD/all"])
    charted = [
        (tiny_lake.scene(s).whole(2, ["SOD"])["SOD"] != 255).sum() for s in tiny_lake.catalog().split("test").scene_ids
    ]
    assert pixels.n == sum(charted), "the map covers every labelled pixel"
    assert 0 < ConfusionMatrix.from_lists(result.matrices["test_patches/SOD/all"]).n < pixels.n
    of_scenes = result.scene_matrices("test_patches", "SOD").values()
    assert sum(sum(map(sum, rows)) for rows in of_scenes) == sum(map(sum, result.matrices["test_patches/SOD/all"]))
    assert "figures/confusion_test_patches_SOD.png" in tracker.files


def test_a_patch_based_epoch_can_be_every_patch_once(tiny_lake: Lake, patch_spec: TrialSpec, tmp_path: Path) -> None:
    spec = patch_spec.with_all({"loop.batches_per_epoch": None, "data.stride": 60, "loop.max_epochs": 1})
    rule = PatchRule(ratio=2, target="SOD", patch_size=24, stride=60)
    patches = len(build_index(tiny_lake, tiny_lake.catalog().split("train"), rule))
    seen: list[TrainingProgress] = []
    run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path, progress=seen.append)
    assert seen[-1].batches == patches // spec.loop.batch_size > 1


def test_the_rule_of_training_patches_does_not_change_what_is_scored(
    tiny_lake: Lake, patch_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = patch_spec.with_("loop.max_epochs", 1)
    plain = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "a")
    ruled = run_trial(
        spec.with_all({"data.border_distance": 300.0, "data.max_land": 0.0}),
        tiny_lake,
        MemoryTracker(),
        folder=tmp_path / "b",
    )
    key = "test_patches/SOD/all"
    assert sum(map(sum, plain.matrices[key])) == sum(map(sum, ruled.matrices[key]))
    assert plain.metrics["best/val_loss"] != ruled.metrics["best/val_loss"]


def test_three_charts_have_three_heads_and_the_combined_score(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = small_spec.with_all(
        {
            "data.targets": ["SIC", "SOD", "FLOE"],
            "loss.sic": "regression",
            "loss.task_weights": {"SOD": 3.0, "FLOE": 3.0},
            "loss.class_weights": "balanced",
            "loop.monitor": "score",
            "augment.flip_lines": 0.5,
            "augment.rotate": 0.5,
            "augment.cutmix": 0.5,
        }
    )
    result = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path)
    m = result.metrics
    assert m["test_80m/autoice"] == pytest.approx(
        (2 * m["test_80m/r2"] + 2 * m["test_80m/SOD/f1"] + m["test_80m/FLOE/f1"]) / 5
    )
    assert load_checkpoint(tmp_path / BEST).model()(torch.zeros(1, 5, 16, 16)).shape == (1, 1 + 6 + 7, 16, 16)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import torch
    from datasets.lake import Lake
    from training.spec import TrialSpec
    from training.tracking.tracker import MemoryTracker
    from training.trial import run_trial

    torch.set_num_threads(1)
    def kill(state):
        if state.epoch == 2 and state.batch == 2 and state.row is None:
            os.kill(os.getpid(), signal.SIGKILL)
    run_trial(TrialSpec.from_file(Path(sys.argv[1])), Lake.open(sys.argv[2]), MemoryTracker(),
              folder=Path(sys.argv[3]), progress=kill)
"""


@pytest.mark.slow
def test_a_killed_trial_goes_on_and_ends_with_the_same_numbers(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = small_spec.with_all({"loop.max_epochs": 4, "augment.flip_lines": 0.5, "augment.rotate": 0.5})
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    arguments = [str(tmp_path / "spec.yaml"), tiny_lake.url, str(tmp_path / "killed")]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), *arguments], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert (tmp_path / "killed" / LAST).is_file()
    tracker, trained = MemoryTracker(), []
    resumed = run_trial(
        spec,
        tiny_lake,
        tracker,
        folder=tmp_path / "killed",
        progress=lambda state: trained.append(state.epoch),
    )
    assert set(trained) == {2, 3}, "whole epochs are not trained again"
    assert [step for step, _ in tracker.metrics] == [0, 1, 2, 3, None], "the record of the new attempt is whole"
    whole = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "whole")
    assert scores(resumed) == scores(whole)
    assert resumed.matrices == whole.matrices
    first, second = (load_checkpoint(tmp_path / name / BEST).state for name in ("killed", "whole"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not (tmp_path / "killed" / LAST).exists()


def test_a_folder_of_another_trial_is_refused(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    def stop(state: object) -> None:
        if getattr(state, "row", None) is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(small_spec, tiny_lake, MemoryTracker(), folder=tmp_path, progress=stop)
    tracker = MemoryTracker()
    with pytest.raises(CheckpointError, match="give every trial a folder of its own"):
        run_trial(small_spec.with_("seed", 5), tiny_lake, tracker, folder=tmp_path)
    assert tracker.spec is None


def test_the_cache_changes_no_number(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    cache = NodeCache(folder=tmp_path / "cache", max_bytes=1 << 28)
    kept = run_trial(small_spec, tiny_lake, MemoryTracker(), folder=tmp_path / "a", cache=cache)
    assert cache.used_bytes() > 0
    assert scores(kept) == scores(run_trial(small_spec, tiny_lake, MemoryTracker(), folder=tmp_path / "b"))


def test_smaller_tiles_give_the_same_scores(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    spec = small_spec.with_all({"data.ratio": 2, "loop.max_epochs": 1})
    whole = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "a")
    tiled = run_trial(spec.with_("evaluation.tile", 64), tiny_lake, MemoryTracker(), folder=tmp_path / "b")
    assert tiled.matrices == whole.matrices


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"data.patch_size": 64}, SplitError, "larger than every training scene at ratio 10"),
        ({"data.task": "classification"}, SpecError, "'unet' is a network for segmentation"),
        ({"data.task": "classification", "model": {"name": "cnn"}}, SplitError, "is a patch with one class of SOD"),
        ({"model": {"name": "no.such.module:Net"}}, SpecError, "no.such.module"),
        ({"model.pretrained": "/nowhere/weights.pth"}, SpecError, "/nowhere/weights.pth"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, changes: dict[str, object], error: type, sentence: str
) -> None:
    tracker = MemoryTracker()
    with pytest.raises(error, match=sentence):
        run_trial(small_spec.with_all(changes), tiny_lake, tracker, folder=tmp_path / "new")
    assert tracker.spec is None
    assert not (tmp_path / "new").exists()
