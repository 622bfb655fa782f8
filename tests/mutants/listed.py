"""All mutants, room by room."""

from typing import Final

from tests.mutants import of_datasets, of_ingest, of_sweeps, of_training

MUTANTS: Final = (*of_training.MUTANTS, *of_datasets.MUTANTS, *of_ingest.MUTANTS, *of_sweeps.MUTANTS)
