"""Synthetic raw scenes, true to the AI4Arctic raw file schema, for demos and tests.

Who reads the files cannot tell them from real ones by their structure: dimensions, variables, attributes,
polygon codes, NaN rules and names are those of the archive. What they show is invented. Three things say so:
absolute orbit numbers from 900000 up, which no Sentinel-1 satellite has flown, polygons that no analyst drew, and
borders as smooth as splines.

How the invented ice relates to the real archive:

* Shares of land, water and ice by region and season follow the class counts of 400 published scenes. Rare
  classes (new, young, thin first-year and old ice) are raised somewhat, so that a dozen scenes hold every class;
  open water stays the commonest class, and about a third of the ice is ambiguous (no partial reaches 65 %).
* A small scene is a miniature of a whole one: the incidence angle still sweeps the full swath, and polygons and
  AMSR2 footprints shrink with the scene. Pixels stay 40 m, so positions and distances to land are those of a
  small area.
* Scene k of a seed is the same however many scenes are asked for.

Flow: `scenario` (name, time, place) -> `scene`, which draws `polygons`, the `codes` of the ice in them, `radar`,
`radiometer`, `weather` and `geography` -> `netcdf` (the raw file).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from netCDF4 import Dataset

from datasets.plural import plural
from datasets.scene import FIRST_SYNTHETIC_ORBIT
from ingest.errors import SceneNameError
from ingest.sample.errors import SampleError, make_folder
from ingest.sample.netcdf import write_scene
from ingest.sample.scenario import SMALLEST, Scenario, plan
from ingest.source import parse_name
from ingest.variables import SAR_DIMS

__all__ = ["SampleError", "write_samples"]


def write_samples(
    folder: Path,
    *,
    scenes: int,
    lines: int,
    samples: int,
    seed: int,
    overwrite: bool = False,
    on_written: Callable[[Path], None] = lambda path: None,
) -> list[Path]:
    """Writes synthetic scenes into `folder` under names of the archive's grammar.

    The same arguments give the same variables, bit for bit; scenes that are there already are kept. Every fourth scene
    is a shorter acquisition of 25 s or 40 s. One scene in five is the next frame of the pass of the scene before.

    Args:
        folder: Where the files go; made if it is missing.
        scenes: How many scenes, at least 1.
        lines: SAR lines (40 m) of a 60 s acquisition, at least 100; the archive has about 10000. Shorter
            acquisitions have proportionally fewer, but at least 100.
        samples: SAR samples (40 m), at least 100; the archive has about 10400.
        seed: Source of all randomness, at least 0.
        overwrite: Removes other synthetic scenes that are in the folder. Scenes that are not synthetic are never
            removed, nor mixed with synthetic ones.
        on_written: Called with the path of each file once it is whole.

    Returns:
        The paths in the order of writing.

    Raises:
        SampleError: An argument is out of range, `folder` is a file, or it holds other scenes.
    """
    if scenes < 1:
        raise SampleError(f"cannot write {scenes} scenes: ask for at least 1")
    for what, given in (("line", lines), ("sample", samples)):
        if given < SMALLEST:
            raise SampleError(
                f"{plural(given, f'{what} is', f'{what}s are')} too few for a scene: ask for at least {SMALLEST}, "
                "two cells of the 2 km grid of AMSR2 and ERA5"
            )
    if seed < 0:
        raise SampleError(f"the seed {seed} is negative: give 0 or a positive number")
    make_folder(folder, "scenes")
    scenarios = {scenario.name.file_name: scenario for scenario in plan(scenes, lines, samples, seed)}
    kept = _clear(folder, scenarios, overwrite=overwrite)
    for name, scenario in scenarios.items():
        # A name that no reader picks up: a killed run leaves no half file that looks whole.
        unfinished = folder / f"{name}.part"
        try:
            if name not in kept:
                write_scene(unfinished, scenario)
                unfinished.replace(folder / name)
        finally:
            unfinished.unlink(missing_ok=True)
        on_written(folder / name)
    return [folder / name for name in scenarios]


def _clear(folder: Path, scenarios: Mapping[str, Scenario], *, overwrite: bool) -> set[str]:
    """Makes sure that no other scenes lie in the folder, beside which new ones would come into one lake.

    Returns:
        Names of the scenes that are there as this call would write them.
    """
    found = [path for path in sorted(folder.glob("*.nc")) if path.name[0] != "."]
    kept = {path.name for path in found if path.name in scenarios and _is_as_planned(path, scenarios[path.name])}
    others = [path for path in found if path.name not in kept]
    real = [path for path in others if not _is_synthetic(path)]
    if real or (others and not overwrite):
        told = f"{str(folder)!r} holds {plural(len(others), 'other *.nc file')} (first: {(real or others)[0].name!r})"
        if real:
            raise SampleError(f"{told}, and not all are synthetic scenes: give a new folder")
        raise SampleError(f"{told}: give a new folder, or --overwrite to replace these synthetic scenes")
    for path in others:
        path.unlink()
    return kept


def _is_as_planned(path: Path, scenario: Scenario) -> bool:
    """Whether a file is that scene; its name says which seed and place, its size the rest."""
    with suppress(OSError, KeyError), Dataset(path) as file:
        return [file.dimensions[dim].size for dim in SAR_DIMS] == [scenario.lines, scenario.samples]
    return False


def _is_synthetic(path: Path) -> bool:
    with suppress(SceneNameError):
        return parse_name(path.name).orbit >= FIRST_SYNTHETIC_ORBIT
    return False
