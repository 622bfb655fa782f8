"""`python -m ingest sample`: synthetic scenes."""

from pathlib import Path
from typing import Annotated

import typer

from datasets.plural import plural
from datasets.process.terminal import progress, tell, user_errors


def sample(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; made if it is not there.")],
    scenes: Annotated[int, typer.Option(help="Number of scenes.")] = 8,
    lines: Annotated[int, typer.Option(help="SAR lines of a 60 s scene; 10000 is full size.")] = 1000,
    samples: Annotated[int, typer.Option(help="SAR samples; 10400 is full size.")] = 1040,
    seed: Annotated[int, typer.Option(help="Same seed, same scenes.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other synthetic scenes that are in FOLDER.")
    ] = False,
    with_melt: Annotated[
        bool, typer.Option("--melt", help="Also write melt maps of 2017 to 2021, into FOLDER/melt.")
    ] = False,
) -> None:
    """Write synthetic scenes that have everything a real file has.

    Some scenes are shorter acquisitions with fewer lines, as in the archive.
    """
    from ingest.sample import write_samples
    from ingest.source import scene_id_of

    with user_errors(), progress("writing scenes", scenes) as advance:
        paths = write_samples(
            folder,
            scenes=scenes,
            lines=lines,
            samples=samples,
            seed=seed,
            overwrite=overwrite,
            on_written=lambda path: advance(scene_id_of(str(path))),
        )
    tell(f"{plural(len(paths), 'scene')} in {folder}")
    if with_melt:
        from ingest.sample.melt import write_melt_maps

        with user_errors():
            maps = write_melt_maps(folder / "melt", range(2017, 2022), seed)
        tell(f"{len(maps)} melt maps in {folder / 'melt'}")
