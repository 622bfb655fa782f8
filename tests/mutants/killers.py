"""Tests that mutants of several rooms name."""

from typing import Final

WIRES: Final = "tests/wires"
SELECTION: Final = f"{WIRES}/test_selection.py"
SEEDS: Final = f"{WIRES}/test_seeds.py"
INPUTS: Final = f"{WIRES}/test_inputs.py"
PATCHES: Final = f"{WIRES}/test_patches.py"
LOSSES: Final = f"{WIRES}/test_losses.py"
HALF: Final = f"{WIRES}/test_precision.py"
TRAINING: Final = "tests/training"


def row(name: str) -> str:
    """The test of one field of the spec."""
    return f"{WIRES}/test_every_field.py::test_a_field_changes_what_it_should_and_nothing_else[{name}]"


BEST: Final = f"{SELECTION}::test_the_best_epoch_is_kept_and_not_the_last"
SPLITS: Final = f"{SELECTION}::test_each_split_is_used_for_its_purpose"
VAL: Final = f"{SELECTION}::test_the_val_score_is_of_all_pixels_of_all_val_scenes"
VAL_LOSS: Final = f"{SELECTION}::test_the_val_loss_is_the_mean_over_all_labelled_pixels"
CHARTS: Final = f"{LOSSES}::test_the_val_scores_of_several_charts_are_those_of_each"
WINDOWS: Final = f"{SEEDS}::test_windows_follow_the_seed_and_the_epoch"
SETS: Final = f"{SEEDS}::test_the_set_of_patches_is_of_the_seed_and_not_of_the_epoch"
AUGMENTED: Final = f"{SEEDS}::test_augmentation_is_drawn_by_seed_epoch_and_batch"
STATISTICS: Final = f"{INPUTS}::test_statistics_are_those_of_the_stored_arrays_of_training_scenes"
