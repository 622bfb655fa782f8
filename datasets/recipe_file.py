"""recipe.json: with what a lake was built, and where the lake of that recipe is.

The first object of a lake, and the one that says that a place is a lake. `datasets.lake` has the layout around it.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from datasets.access import absolute, is_url
from datasets.errors import LakeNotFoundError, RecipeMismatchError
from datasets.prefixes import holds_objects
from datasets.process.folders import folder_for
from datasets.storage import exists, read, replace

FORMAT: Final = 2

MIGRATED: Final = 1
"""The format that `python -m ingest migrate` brings up to date."""


def recipe_url(place: str) -> str:
    """Of the recipe that readers see."""
    return f"{place}/recipe.json"


def other_recipe_url(place: str, digest: str) -> str:
    """Of every other recipe that the lake had or is getting."""
    return f"{place}/recipes/{digest}.json"


def read_recipe(url: str, *, earlier: bool = False) -> Mapping[str, Any]:
    """Format, digest, recipe, software, and `at` after a rebuild, of the lake that readers see.

    Args:
        url: Of the lake.
        earlier: Takes a lake of the format before too, if `python -m ingest migrate` can read it.

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
    if found != FORMAT and not (earlier and found == MIGRATED and is_migratable(recipe)):
        raise LakeNotFoundError(f"{url!r} is a lake of format {found}, {_advice(url, recipe)}")
    return recipe


def is_migratable(recipe: Mapping[str, Any]) -> bool:
    """Whether a lake of format 1 holds all that format 2 is made of: full resolution, bit for bit."""
    options = _options(recipe)
    return 1 in options.get("ratios", ()) and not options.get("sar_precision")


def _advice(url: str, recipe: Mapping[str, Any]) -> str:
    """What to do with a lake of another format."""
    if recipe["format"] != MIGRATED:
        return f"this code reads format {FORMAT}: use the matching version or rebuild the lake"
    if is_migratable(recipe):
        return (
            "which earlier versions wrote: bring it up to date without raw files by `python -m ingest migrate "
            f"{shlex.quote(url)}`"
        )
    options = _options(recipe)
    lacks = "unrounded SAR" if 1 in options.get("ratios", ()) else "full resolution (ratio 1)"
    words = [f"--ratios {' '.join(map(str, options['ratios']))}"] if options.get("ratios") else []
    for name in ("sar_mean", "chart_reduction", "sar_precision"):
        words += [f"--{name.replace('_', '-')} {options[name]}"] if options.get(name) else []
    return (
        f"which earlier versions wrote, and lacks {lacks}, which format {FORMAT} is made from: build it again from "
        f"the raw files by `{' '.join(('python -m ingest build RAW --lake NEW', *words))}`"
    )


def _options(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    found = recipe.get("recipe")
    return found if isinstance(found, Mapping) else {}


def start_recipe(url: str, recipe: Mapping[str, Any], *, rebuild: bool = False) -> Mapping[str, Any]:
    """The recipe.json of a lake that is to be built: the one that is there, or a new one; as `Lake.create`."""
    found = check_place(url, recipe, rebuild=rebuild)
    if found is None:
        return write_recipe(recipe_url(absolute(url)), {"format": FORMAT, **recipe})
    return found if found["digest"] == recipe["digest"] else start_recipe_beside(url, recipe)


def start_recipe_beside(url: str, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same of a lake of another recipe beside the one that readers see; as `Lake.create_beside`."""
    beside = other_recipe_url(absolute(url), recipe["digest"])
    kept = read(beside)
    if kept is not None:
        return dict(json.loads(kept))
    return write_recipe(beside, {"format": FORMAT, **recipe, "at": f"recipes/{recipe['digest']}"})


def show_recipe(url: str, recipe: Mapping[str, Any]) -> None:
    """Makes the lake of this recipe, which has its catalog now, the one that readers see."""
    shown = read_recipe(url, earlier=True)
    if shown["digest"] != recipe["digest"]:
        write_recipe(other_recipe_url(url, shown["digest"]), shown)
        write_recipe(recipe_url(url), recipe)


def write_recipe(url: str, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Puts a recipe in one step; returns it."""
    replace(url, json.dumps(recipe, indent=1, sort_keys=True).encode())
    return recipe


def check_place(
    url: str, recipe: Mapping[str, Any] | None = None, *, rebuild: bool = False
) -> Mapping[str, Any] | None:
    """The recipe.json of the lake that is there, None where one can be started; writes nothing.

    Args:
        url: Where a lake is to be built.
        recipe: With what, if that is known yet; as for `Lake.create`.
        rebuild: Lets a lake of another recipe be built again.

    Raises:
        LakeNotFoundError: The place holds something else, or a lake of another format.
        RecipeMismatchError: The lake was built with another recipe and is not to be rebuilt.
        NotAFolderError: Nothing can be made there.
        LakeAccessError: The store cannot be reached.
    """
    place = absolute(url)
    found = read_recipe(url) if read(recipe_url(place)) is not None else None
    if found is None and read(f"{place}/lock.json") is None and holds_objects(place):
        raise LakeNotFoundError(f"{url!r} is not empty and is not a lake: give an empty or a new place")
    if found is not None and recipe is not None and found["digest"] != recipe["digest"] and not rebuild:
        raise RecipeMismatchError(
            f"{url!r} was built with recipe {found['digest']}, and this build has recipe {recipe['digest']} "
            f"(ratios {found['recipe']['ratios']} against {recipe['recipe']['ratios']}): give the same options, "
            "another --lake, or --rebuild to build all its scenes again with the new recipe"
        )
    if not is_url(place):
        folder_for(Path(place))
    return found
