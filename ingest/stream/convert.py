"""What a worker does with one scene of a build, wherever its file is."""

from contextlib import nullcontext
from threading import Lock

from datasets.errors import IceBenchError
from datasets.lake import Lake
from datasets.scene import Archive, SceneRecord
from ingest.convert import convert_scene, kept_scene
from ingest.recipe import Recipe
from ingest.stream.origins import SceneFile
from ingest.stream.scratch import Scratch

_TURN = Lock()
"""Held by a conversion of this process: a worker that fetches ahead has two scenes, and memory for one."""


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
        in_turn: Lets the threads of this process convert one after the other, while another fetches the next scene.

    Raises:
        IceBenchError: See `ingest.convert.convert_scene` and `SceneFile.fetched`.
    """
    turn = _TURN if in_turn else nullcontext()
    if isinstance(source, str):
        with turn:
            return convert_scene(source, recipe, lake, archive)
    done = kept_scene(source.path, recipe, lake, archive, charts_at_hand=lambda: source.reference is not None)
    if done is not None:
        return done
    assert scratch is not None  # a build with such scenes has one
    with source.fetched(scratch) as path, turn:
        try:
            return convert_scene(path, recipe, lake, archive)
        except IceBenchError as error:  # told of the file that people know, not of its copy
            error.args = tuple(str(each).replace(path, source.path) for each in error.args)
            raise
