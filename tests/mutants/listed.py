"""All mutants, room by room."""

from typing import Final

from tests.mutants import of_datasets, of_ingest, of_sweeps
from tests.mutants.of_training import (
    devices,
    evaluation,
    loop,
    patches_and_labels,
    scenes_and_batches,
    spec,
    trial,
)

MUTANTS: Final = (
    *trial.TRIAL,
    *scenes_and_batches.SCENES_AND_BATCHES,
    *patches_and_labels.PATCHES_AND_LABELS,
    *patches_and_labels.FEED,
    *evaluation.EVALUATION,
    *loop.LOOP,
    *spec.SPEC,
    *devices.DEVICES,
    *of_datasets.MUTANTS,
    *of_ingest.MUTANTS,
    *of_sweeps.MUTANTS,
)
