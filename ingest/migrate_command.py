"""`python -m ingest migrate`: a lake of format 1 is brought up to date without raw files."""

import shlex
from typing import Annotated

import typer

from datasets.access import absolute
from datasets.errors import LakeLockedError, LakeNotFoundError
from datasets.lake import Lake
from datasets.lake_argument import LakeArgument
from datasets.lock import lock_lake, lock_owner
from datasets.plural import plural
from datasets.process.terminal import progress, tell, tell_failure, user_errors
from datasets.recipe_file import FORMAT
from datasets.workers.command_options import MemoryLimit, Scheduler, WorkerCount
from ingest.lock_option import BreakLock


def migrate(
    lake: LakeArgument,
    new: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="NEW",
            help="URL of the new lake (without: in the place of the old).",
        ),
    ] = None,
    workers: WorkerCount = None,
    memory_limit: MemoryLimit = None,
    scheduler: Scheduler = None,
    break_lock: BreakLock = False,
) -> None:
    """Bring a lake of an earlier version up to date, without raw files.

    Scenes are packed and counted anew from full resolution; splits and seasons stay. Only the polygons of the ice
    charts, which earlier lakes lack, are not there: `python -m ingest build` adds them where it is given the raw files.
    Readers see the old lake until every scene of the new one is there. A stopped migration is continued by the same
    command.
    """
    from datasets.workers.cluster import ClusterOptions
    from datasets.workers.opening import check_workers
    from ingest.migrate import migrate_lake, recipe_of

    with user_errors():
        earlier = Lake.open_any(lake)
        if earlier.recipe["format"] == FORMAT:
            said = f"{earlier.url} is a lake of format {FORMAT}: there is nothing to migrate"
            if new is not None:
                raise LakeNotFoundError(f"{said}, and {new!r} was not made: use the lake as it is")
            tell(said)
            return
        cluster = ClusterOptions(workers=workers, memory_limit=memory_limit, scheduler=scheduler)
        check_workers(cluster)
        if new is not None:
            if absolute(new) == earlier.url:
                raise LakeNotFoundError(f"--out {new!r} is the lake itself: leave --out away to migrate in its place")
            Lake.check_place(new)
        if not earlier.has_catalog():
            raise LakeNotFoundError(
                f"the build of the lake {lake!r} has never finished: build it again from the raw files at another URL"
            )
        recipe = recipe_of(earlier)
        content = {**recipe.to_lake(), "migrated": {"format": 1, "digest": earlier.recipe_digest}}
        owner = lock_owner(lake) if new is not None else None
        if owner is not None:
            raise LakeLockedError(f"the lake {lake!r} is being built ({owner}): wait until it has ended")
        with lock_lake(new or lake, break_lock=break_lock) as lock:
            target = Lake.create_beside(lake, content) if new is None else Lake.create(new, content)
            with progress("migrating scenes", len(earlier.catalog())) as advance:
                summary = migrate_lake(
                    earlier, target, recipe, cluster=cluster, on_scene=advance, check_lock=lock.check
                )
    for scene_id, sentence in summary.failures:
        tell_failure(scene_id, sentence)
    if summary.catalog is None:
        tell(
            f"{plural(len(summary.failures), 'scene')} could not be migrated: readers of {lake} see what they saw "
            "before"
        )
        raise typer.Exit(1)
    tell(
        f"{plural(len(summary.catalog), 'scene is', 'scenes are')} in the lake {target.url}, format {FORMAT}; it is "
        f"{target.digest} now"
    )
    if new is None:
        tell(f"the old scenes still take their room: remove them with `python -m ingest prune {shlex.quote(lake)}`")
