"""`python -m ingest verify` and `prune`: maintenance of a lake."""

import sys
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from datasets.lake import Lake
from datasets.lake_argument import LakeArgument
from datasets.lock import lock_lake, lock_owner
from datasets.plural import plural
from datasets.process.terminal import out, progress, tell, user_errors
from ingest.errors import UnconfirmedError


def verify(
    lake: LakeArgument,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every array too: reads the whole lake.")] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Remove stores that are damaged, so that the next build makes them again.")
    ] = False,
) -> None:
    """Check that the lake is whole: catalog, stores, objects and class counts; exit code 1 if anything is wrong."""
    from ingest.found_stores import discard_scene, discard_unfinished_replacement, store_names
    from ingest.verify import verify_lake

    with user_errors():
        target = Lake.open(lake)
        owner = lock_owner(lake)
        scenes = len({*target.catalog().scene_ids, *store_names(target)})
        with progress("looking at scenes", scenes) as advance:
            findings = verify_lake(target, deep=deep, on_scene=advance)
    if findings:
        table = Table(title=f"{plural(len(findings), 'finding')} in {target.url}")
        for name in ("scene", "what", "finding"):
            table.add_column(name, no_wrap=name != "finding")
        for finding in findings:
            table.add_row(finding.scene_id or "lake", finding.kind, finding.text)
        out.print(table)
    if owner is not None:
        tell(f"a build is changing the lake ({owner}): findings may be of its work")
    if discard and findings:
        with user_errors(), lock_lake(lake):
            target.expect_changes()
            for scene_id in {each.scene_id for each in findings if each.kind == "beside"}:
                discard_unfinished_replacement(target, scene_id)
            damaged = {each.scene_id for each in findings if each.kind not in ("beside", "row")} - {""}
            for scene_id in damaged:
                discard_scene(target, scene_id)
        tell(f"removed the stores of {plural(len(damaged), 'scene')}: build again from raw files")
    tell(
        f"{plural(scenes, 'scene')} looked at{', every array decoded' if deep else ''}, "
        f"{plural(len(findings), 'finding')}"
    )
    if findings:
        raise typer.Exit(1)


def prune(
    lake: LakeArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
) -> None:
    """Remove the scenes of all recipes but the one that readers see: left or not finished by a rebuild.

    What would go is shown first. Without --yes, a person at a terminal is asked; elsewhere nothing is removed.
    """
    from ingest.found_stores import store_names
    from ingest.other_recipes import others, size
    from ingest.other_recipes import prune as remove_others

    with user_errors():
        target = Lake.open(lake)
        found = others(target)
        for other in found:
            tell(f"recipe {other.recipe_digest}: {plural(len(store_names(other)), 'scene')}, {decimal(size(other))}")
        if not found:
            tell(f"there is nothing to remove: {target.url} has recipe {target.recipe_digest} only")
            return
        if not (yes or (sys.stdin.isatty() and typer.confirm("Remove them?", err=True))):
            raise UnconfirmedError("nothing was removed: give --yes to remove the scenes of these recipes")
        with lock_lake(lake):
            digests = remove_others(target)
    tell(
        f"removed the scenes of {plural(len(digests), 'other recipe')}: {', '.join(digests)}; "
        f"{target.url} has recipe {target.recipe_digest}"
    )
