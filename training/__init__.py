"""One trial: spec -> trained network -> scores. Runs without Ray; see `training.trial`.

`spec` says what a trial is, `data` reads its scenes, `models` builds its network, `loop` trains it, `evaluation` scores
it, `artifacts` are what it leaves for people, `tracking` keeps its record; `attribution` explains it.
"""

from importlib.util import find_spec
from pathlib import Path

for _name in ("datasets",):
    _found, _ours = find_spec(_name), Path(__file__).resolve().parents[1] / _name
    _places = {Path(each).resolve() for each in (_found and _found.submodule_search_locations) or ()}
    if _places != {_ours}:  # a folder without __init__.py has the name of a package too
        raise ImportError(
            f"the package {_name!r} at {', '.join(map(str, _places)) or 'no folder'} is not the one of this project"
            f" (Hugging Face has a 'datasets', W&B a 'sweeps'): run from the project's folder, without a "
            f"folder {_name!r} of other things in it, or install it there with `pip install -e .`"
        )
