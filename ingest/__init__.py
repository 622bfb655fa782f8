"""Raw AI4Arctic netCDF -> the lake. See `ingest.convert` for one scene and `ingest.build` for many."""

from pathlib import Path

import datasets

if Path(datasets.__file__ or "").parents[1] != Path(__file__).parents[1]:
    raise ImportError(
        f"the package 'datasets' at {datasets.__file__} is not the one of this project (Hugging Face has one of that "
        "name): run from the project's folder, or install it there with `pip install -e .`"
    )
