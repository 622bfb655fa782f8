"""What can go wrong where a trial chooses its scenes, and draws the batches of an epoch."""

from typing import Final

from tests.mutants.killers import AUGMENTED, SEEDS, SETS, SPLITS, STATISTICS, TRAINING, WINDOWS, row
from tests.mutants.mutant import Mutant

SCENES_AND_BATCHES: Final = (
    Mutant(
        "the cryoseason filter is dropped",
        "training/data/trial_scenes.py",
        "cryoseason=where.cryoseason",
        "cryoseason=None",
        row("data.train.cryoseason"),
    ),
    Mutant(
        "the season filter is dropped",
        "training/data/trial_scenes.py",
        "season=where.season, ",
        "season=None, ",
        row("data.val.season"),
    ),
    Mutant(
        "the location filter is dropped",
        "training/data/trial_scenes.py",
        "location=where.location",
        "location=None",
        row("data.test.location"),
    ),
    Mutant(
        "test takes the filter of train",
        "training/data/trial_scenes.py",
        "getattr(data, split)",
        "data.train",
        row("data.test.season"),
    ),
    Mutant(
        "scene_share is dropped",
        "training/data/trial_scenes.py",
        "data.scene_share, spec.seed",
        "1.0, spec.seed",
        row("data.scene_share"),
    ),
    Mutant(
        "every seed takes the same share of the scenes",
        "training/data/trial_scenes.py",
        "data.scene_share, spec.seed",
        "data.scene_share, 0",
        f"{SEEDS}::test_the_share_of_scenes_is_drawn_by_the_seed",
    ),
    Mutant(
        "scenes without a label are kept",
        "training/data/trial_scenes.py",
        "found.labelled(target) > 0",
        "found.labelled(target) >= 0",
        f"{TRAINING}/data/test_trial_scenes.py",
    ),
    Mutant(
        "a share of scenes is rounded down",
        "training/data/trial_scenes.py",
        "math.ceil(share * len(scenes))",
        "math.floor(share * len(scenes))",
        f"{TRAINING}/data/test_trial_scenes.py",
    ),
    Mutant(
        "a trial runs on a lake that it was not made for",
        "training/data/trial_scenes.py",
        """if spec.data.lake not in ("", lake.digest):
        raise SpecError(
            f"data.lake""",
        """if False:
        raise SpecError(
            f"data.lake""",
        f"{TRAINING}/data/test_trial_scenes.py",
    ),
    Mutant(
        "data.statistics is dropped",
        "training/data/trial_data.py",
        'scene_average=data.statistics == "scene_average"',
        "scene_average=False",
        row("data.statistics"),
    ),
    Mutant(
        "every ratio is normalized with the statistics of ratio 2",
        "training/data/trial_data.py",
        "            data.ratio,\n",
        "            2,\n",
        STATISTICS,
    ),
    Mutant(
        "a checkpoint is fed with the statistics of the lake of today",
        "training/data/trial_data.py",
        "normalization = normalization or ",
        "normalization = ",
        f"{TRAINING}/data/test_trial_data.py",
    ),
    Mutant(
        "max_masked is dropped",
        "training/data/training_batches.py",
        "max_masked=spec.data.max_masked",
        "max_masked=0.99",
        row("data.max_masked"),
    ),
    Mutant(
        "max_land is dropped for crops",
        "training/data/training_batches.py",
        "max_land=spec.data.max_land",
        "max_land=1.0",
        row("data.max_land"),
    ),
    Mutant(
        "border_distance is dropped for crops",
        "training/data/training_batches.py",
        "border_distance=spec.data.border_distance",
        "border_distance=0.0",
        row("data.border_distance"),
    ),
    Mutant(
        "max_patches is dropped for crops",
        "training/data/training_batches.py",
        "pool=spec.data.max_patches",
        "pool=None",
        row("data.max_patches"),
    ),
    Mutant(
        "every seed draws the same crops",
        "training/data/training_batches.py",
        "seed=spec.seed,\n        pool=",
        "seed=0,\n        pool=",
        WINDOWS,
    ),
    Mutant(
        "every seed takes the same patches of max_patches",
        "training/data/training_batches.py",
        "training_patches(data, spec.seed)",
        "training_patches(data, 0)",
        SETS,
    ),
    Mutant(
        "every seed draws the same patches",
        "training/data/training_batches.py",
        "balanced=spec.data.balanced, seed=spec.seed",
        "balanced=spec.data.balanced, seed=0",
        WINDOWS,
    ),
    Mutant(
        "data.balanced is dropped",
        "training/data/training_batches.py",
        "balanced=spec.data.balanced,",
        "balanced=False,",
        row("data.balanced"),
    ),
    Mutant(
        "a network is trained on the test scenes",
        "training/data/training_batches.py",
        "data.scenes.train.scene_ids",
        "data.scenes.test.scene_ids",
        SPLITS,
    ),
    Mutant(
        "turn_wind is dropped",
        "training/data/training_batches.py",
        "vectors=self._vectors",
        "vectors=()",
        row("augment.turn_wind"),
    ),
    Mutant(
        "the wind turns though the spec does not say so",
        "training/data/training_batches.py",
        "if turn_wind else ()",
        "if True else ()",
        row("augment.turn_wind"),
    ),
    Mutant(
        "every seed is augmented alike",
        "training/data/training_batches.py",
        "(self._spec.seed, epoch, number)",
        "(0, epoch, number)",
        AUGMENTED,
    ),
    Mutant(
        "every epoch is augmented alike",
        "training/data/training_batches.py",
        "(self._spec.seed, epoch, number)",
        "(self._spec.seed, 0, number)",
        AUGMENTED,
    ),
    Mutant(
        "every batch is augmented alike",
        "training/data/training_batches.py",
        "(self._spec.seed, epoch, number)",
        "(self._spec.seed, epoch, 0)",
        AUGMENTED,
    ),
)
