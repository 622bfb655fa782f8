"""One trial: spec -> trained network -> scores. Runs without Ray; see `training.trial`.

`spec` says what a trial is, `data` reads its scenes, `models` builds its network, `loop` trains it, `evaluation` scores
it, `artifacts` are what it leaves for people, `tracking` keeps its record; `attribution` explains it.
"""

from pathlib import Path

import datasets

if Path(datasets.__file__ or "").parents[1] != Path(__file__).parents[1]:
    raise ImportError(
        f"the package 'datasets' at {datasets.__file__} is not the one of this project (Hugging Face has one of that "
        "name): run from the project's folder, or install it there with `pip install -e .`"
    )
