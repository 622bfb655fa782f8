"""What a rebuild with another recipe leaves beside the lake that readers see, or has not finished there."""

import json

from datasets.lake import Lake
from datasets.prefixes import names, remove_below, sizes
from datasets.recipe_file import other_recipe_url
from datasets.storage import read, remove


def others(lake: Lake) -> tuple[Lake, ...]:
    """The lakes of all other recipes: left or not finished by a rebuild."""
    found = []
    for name in names(f"{lake.url}/recipes"):
        content = read(f"{lake.url}/recipes/{name}") if name.endswith(".json") else None
        if content is not None and (other := Lake(lake.url, json.loads(content))).place != lake.place:
            found.append(other)
    return tuple(found)


def size(lake: Lake) -> int:
    """Bytes of the scenes and patch indexes of this recipe."""
    return sum(sum(sizes(url).values()) for url in (f"{lake.place}/scenes", lake.index_url))


def prune(lake: Lake) -> tuple[str, ...]:
    """Removes scenes, catalogs and patch indexes of all other recipes; returns their digests."""
    found = others(lake)
    for other in found:
        remove(f"{other.place}/catalog.parquet")
        remove_below(f"{other.place}/scenes")
        remove_below(other.index_url)
        remove(other_recipe_url(lake.url, other.recipe_digest))
    return tuple(other.recipe_digest for other in found)
