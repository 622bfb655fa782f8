"""recipe.json: with what a lake was built, and where the lake of that recipe is.

The first object of a lake, and the one that says that a place is a lake. `datasets.lake` has the layout around it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from datasets.access import absolute
from datasets.errors import LakeNotFoundError
from datasets.storage import exists, holds_objects, read, replace

FORMAT: Final = 2


def recipe_url(place: str) -> str:
    """Of the recipe that readers see."""
    return f"{place}/recipe.json"


def other_recipe_url(place: str, digest: str) -> str:
    """Of every other recipe that the lake had or is getting."""
    return f"{place}/recipes/{digest}.json"


def read_recipe(url: str) -> Mapping[str, Any]:
    """Format, digest, recipe, software, and `at` after a rebuild, of the lake that readers see.

    Raises:
        LakeNotFoundError: There is no lake, no finished lake, or one of another format at the URL.
        LakeAccessError: The place cannot be reached.
    """
    place = absolute(url)
    content = read(recipe_url(place))
    if content is None:
        what = "is a file, not a lake" if exists(place) else "is not a lake (no recipe.json in it)"
        raise LakeNotFoundError(
            f"{url!r} {what}: give the URL of a lake, or build one with `python -m ingest build RAW --lake URL`"
        )
    try:
        recipe: Mapping[str, Any] = json.loads(content)
        found = recipe["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise LakeNotFoundError(f"{url!r} has a recipe.json that is not of a lake: rebuild it elsewhere") from error
    if found != FORMAT:
        what = (
            "which earlier versions wrote: build it again from the raw files at another URL, or use such a version"
            if found == 1
            else f"this code reads format {FORMAT}: use the matching version or rebuild the lake"
        )
        raise LakeNotFoundError(f"{url!r} is a lake of format {found}, {what}")
    return recipe


def write_recipe(url: str, recipe: Mapping[str, Any]) -> None:
    """Puts a recipe in one step."""
    replace(url, json.dumps(recipe, indent=1, sort_keys=True).encode())


def check_place(url: str) -> None:
    """Raises LakeNotFoundError where a lake can be neither opened nor started."""
    place = absolute(url)
    if read(recipe_url(place)) is not None:
        read_recipe(url)
    elif read(f"{place}/lock.json") is None and holds_objects(place):
        raise LakeNotFoundError(f"{url!r} is not empty and is not a lake: give an empty or a new place")
