"""`python -m sweeps doctor`: whether a study would run on this machine and its cluster, one line for each thing.

`measured` (numbers of this machine) -> `machine`, `software`, `accelerator` (what they mean) -> `command`, which adds
what `sweeps.launch` sees of Ray, lake, storage and MLflow.
"""
