"""What a worker does with one scene of a build, wherever its file is."""

from contextlib import ExitStack, nullcontext
from threading import Lock

from datasets.errors import IceBenchError
from datasets.lake import Lake
from datasets.scene import Archive, SceneRecord
from ingest.convert import convert_scene, kept_scene
from ingest.recipe import Recipe
from ingest.stream.origins import SceneFile
from ingest.stream.scratch import Scratch

_FETCHING, _CONVERTING = Lock(), Lock()
"""Held by a thread of a worker that fetches ahead: it has memory to convert one scene, and needs the first one soon."""


def convert_source(
    source: str | SceneFile, recipe: Recipe, lake: Lake, archive: Archive, scratch: Scratch | None, *, in_turn: bool
) -> SceneRecord:
    """Builds the store of one scene: of a file at hand, or of one that is fetched into the scratch space for it.

    Args:
        source: Path of the file, or where its bytes are.
        recipe: What to build.
        lake: Where.
        archive: Which archive the file is from.
        scratch: Where a fetched file lies meanwhile; needed for those only.
        in_turn: Lets one thread of this process fetch and one convert at a time.

    Raises:
        IceBenchError: See `ingest.convert.convert_scene` and `SceneFile.fetched`.
    """
    to_fetch, to_convert = (_FETCHING, _CONVERTING) if in_turn else (nullcontext(), nullcontext())
    if isinstance(source, str):
        with to_convert:
            return convert_scene(source, recipe, lake, archive)
    done = kept_scene(source.path, recipe, lake, archive, charts_at_hand=lambda: source.reference is not None)
    if done is not None:
        return done
    assert scratch is not None  # a build with such scenes has one
    with ExitStack() as held:
        with to_fetch:
            path = held.enter_context(source.fetched(scratch))
        with to_convert:
            try:
                return convert_scene(path, recipe, lake, archive)
            except IceBenchError as error:  # told of the file that people know, not of its copy
                error.args = tuple(str(each).replace(path, source.path) for each in error.args)
                raise
