"""What can go wrong between the parts of one trial."""

from typing import Final

from tests.mutants.killers import BEST, LOSSES, PATCHES, SEEDS, SELECTION, TRAINING
from tests.mutants.mutant import Mutant

TRIAL: Final = (
    Mutant(
        "best.pt is rewritten in every epoch",
        "training/trial.py",
        "        if is_best:\n",
        "        if True:\n",
        BEST,
    ),
    Mutant(
        "test scores are those of the last epoch",
        "training/trial.py",
        "network = best.model().to(device)",
        "network = model",
        f"{SELECTION}::test_test_scores_are_those_of_the_best_epoch",
    ),
    Mutant(
        "every seed starts from the same weights",
        "training/trial.py",
        "with _reproducible(spec.seed, device):",
        "with _reproducible(0, device):",
        f"{SEEDS}::test_weights_are_drawn_by_the_seed",
    ),
    Mutant(
        "what layers draw is the same for every seed",
        "training/fit.py",
        "batches_per_epoch=len(trial.batches),\n            seed=spec.seed,\n",
        "batches_per_epoch=len(trial.batches),\n            seed=0,\n",
        f"{SEEDS}::test_what_layers_draw_while_they_train_is_of_seed_and_epoch",
    ),
    Mutant(
        "the result tells the val loss of the last epoch",
        "training/trial.py",
        "trained.history[trained.best_epoch]",
        "trained.history[-1]",
        BEST,
    ),
    Mutant(
        "class weights are of the test scenes",
        "training/fit.py",
        "class_weights(spec, data.scenes.train,",
        "class_weights(spec, data.scenes.test,",
        f"{LOSSES}::test_balanced_weights_are_of_the_pixels_of_the_training_scenes",
    ),
    Mutant(
        "a stopped trial starts again from nothing",
        "training/fit.py",
        "state=processes.share(earlier)",
        "state=None",
        f"{TRAINING}/test_trial.py::test_a_killed_trial_goes_on_and_ends_with_the_same_numbers",
    ),
    Mutant(
        "a patch-based trial is validated on the test patches",
        "training/checked_trial.py",
        "scored_patches(data, data.scenes.val)",
        "scored_patches(data, data.scenes.test)",
        f"{PATCHES}::test_each_split_is_used_for_its_purpose",
    ),
    Mutant(
        "a patch-based trial is scored on the val patches",
        "training/trial.py",
        "test_patches=trial.test_patches,",
        "test_patches=trial.val_patches,",
        f"{PATCHES}::test_each_split_is_used_for_its_purpose",
    ),
    Mutant(
        "temperatures are fitted on the test patches",
        "training/trial.py",
        "val_patches=trial.val_patches,",
        "val_patches=trial.test_patches,",
        f"{PATCHES}::test_each_split_is_used_for_its_purpose",
    ),
    Mutant(
        "the scores of a checkpoint leave its calibration out",
        "training/evaluation/score_network.py",
        "look=count.add, progress",
        "progress",
        f"{SELECTION}::test_a_checkpoint_gives_the_metrics_of_its_trial_again",
    ),
    Mutant(
        "the tracker hears of no epoch of an earlier attempt",
        "training/trial.py",
        "earlier.history if earlier is not None else ()",
        "()",
        f"{TRAINING}/test_trial.py::test_a_killed_trial_goes_on_and_ends_with_the_same_numbers",
    ),
)
