"""What can go wrong with pure patches, weights of classes, augmentation, and what a GPU holds."""

from typing import Final

from tests.mutants.killers import INPUTS, PATCHES, SETS, TRAINING, row
from tests.mutants.mutant import Mutant

PATCHES_AND_LABELS: Final = (
    Mutant(
        "a patch-based network is trained on the val scenes",
        "training/data/pure_patches.py",
        "_index(data, data.scenes.train, data.spec.data)",
        "_index(data, data.scenes.val, data.spec.data)",
        f"{PATCHES}::test_each_split_is_used_for_its_purpose",
    ),
    Mutant(
        "border_distance is dropped for patches",
        "training/data/pure_patches.py",
        "border_distance=rules.border_distance",
        "border_distance=0.0",
        f"{PATCHES}::test_a_rule_of_the_spec_reaches_the_patches",
    ),
    Mutant(
        "max_land is dropped for patches",
        "training/data/pure_patches.py",
        "max_land=rules.max_land",
        "max_land=1.0",
        f"{PATCHES}::test_a_rule_of_the_spec_reaches_the_patches",
    ),
    Mutant(
        "patches are pure in SOD whatever the target",
        "training/data/pure_patches.py",
        "target=rules.primary",
        'target="SOD"',
        f"{PATCHES}::test_a_rule_of_the_spec_reaches_the_patches",
    ),
    Mutant(
        "max_patches is dropped for patches",
        "training/data/pure_patches.py",
        "if most is None or most >= len(index)",
        "if True",
        SETS,
    ),
    Mutant(
        "rules of training patches change what is scored",
        "training/data/pure_patches.py",
        'update={"border_distance": 0.0, "max_land": 1.0}',
        "update={}",
        f"{TRAINING}/data/test_pure_patches.py::test_rules_of_training_patches_do_not_change_what_is_scored",
    ),
    Mutant(
        "class_weights is dropped where balanced",
        "training/data/class_weights.py",
        'if weights == "none":',
        'if weights in ("none", "balanced"):',
        row("loss.class_weights"),
    ),
    Mutant(
        "class_weights is dropped where it gives numbers",
        "training/data/class_weights.py",
        "return {primary: weights}",
        "return {}",
        f"{TRAINING}/data/test_class_weights.py",
    ),
    Mutant(
        "balanced weights do not average one",
        "training/data/class_weights.py",
        "sum(counts) / (present * count)",
        "sum(counts) / count",
        f"{TRAINING}/data/test_class_weights.py",
    ),
    Mutant(
        "the charts of a trial are always SOD",
        "training/data/trial_data.py",
        "targets=data.targets",
        'targets=("SOD",)',
        row("data.targets"),
    ),
    Mutant(
        "coarse channels are placed as at ratio 2",
        "training/data/trial_data.py",
        "Assembler(normalization, ratio=data.ratio,",
        "Assembler(normalization, ratio=2,",
        f"{INPUTS}::test_every_channel_of_a_scene_is_the_stored_one_at_its_place",
    ),
    Mutant(
        "labels get 0 where a patch shows nothing",
        "training/data/augment.py",
        "grid_NHW2, fill=IGNORE)",
        "grid_NHW2, fill=0)",
        f"{TRAINING}/data/test_augment.py::test_what_was_not_seen_is_no_data_and_no_label",
    ),
    Mutant(
        "the wind turns the wrong way",
        "training/data/vector_channels.py",
        "back_N22 = turn_N22.transpose(1, 2)",
        "back_N22 = turn_N22",
        f"{TRAINING}/data/test_augment.py::test_a_gradient_field_stays_the_gradient_of_its_field",
    ),
    Mutant(
        "CutMix pastes the image and not its labels",
        "training/data/augment.py",
        "torch.where(box_B1HW, whole_y.index_select(0, partner_B), y_BTHW)",
        "y_BTHW",
        f"{TRAINING}/data/test_augment.py",
    ),
    Mutant(
        "the box of CutMix is smaller than its share",
        "training/data/augment.py",
        "draws.share_B.sqrt()[:, None]",
        "draws.share_B[:, None]",
        f"{TRAINING}/data/test_augment.py",
    ),
    Mutant(
        "flips along lines flip samples",
        "training/data/augment.py",
        "for bit, axis in ((2, -2), (4, -1))",
        "for bit, axis in ((2, -1), (4, -2))",
        f"{TRAINING}/data/test_augment.py::test_each_flip_is_along_its_axis",
    ),
)

FEED: Final = (
    Mutant(
        "a trial takes more of a GPU than its share",
        "training/data/feed.py",
        "min(free, total * share)",
        "min(free, total)",
        f"{TRAINING}/data/test_feed.py",
    ),
    Mutant(
        "nothing of the GPU is kept for the network",
        "training/data/feed.py",
        "_KEPT_FREE: Final = 0.25",
        "_KEPT_FREE: Final = 0.0",
        f"{TRAINING}/data/test_feed.py",
    ),
)
