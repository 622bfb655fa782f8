"""`python -m training attribute`: which channels a trained network relies on.

Heavy imports (torch, captum, matplotlib) are inside the command.
"""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from datasets.lake import Lake
from datasets.lake_argument import LAKE
from datasets.plural import plural
from datasets.process.terminal import out, tell, user_errors
from training.attribution.files import output_paths, refuse_existing, write_result
from training.attribution.result import AttributionResult, rank_channels
from training.attribution.settings import BASELINES, METHODS, SPLITS, AttributionSettings
from training.output_folder import refuse_unusable
from training.progress_bar import counting_bar

_USUAL: Final = AttributionSettings()


def attribute(
    checkpoint: Annotated[
        Path, typer.Option(help="best.pt of a finished trial, or the trial's folder.", metavar="FILE|FOLDER")
    ],
    lake: Annotated[str, typer.Option(help="The lake that it was trained on.", envvar=LAKE)],
    method: Annotated[str, typer.Option(help=f"How importance is found: {', '.join(METHODS)}.")] = _USUAL.method,
    classes: Annotated[
        list[str] | None, typer.Option(help="A class to explain, as often as needed; without it all of the chart.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Chart of the classes; without it the trial's first.")] = None,
    split: Annotated[str, typer.Option(help=f"Whose scenes: {', '.join(SPLITS)}.")] = _USUAL.split,
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for METHOD.json, .csv and .png; without it `attribution` beside the file."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    baseline: Annotated[
        str,
        typer.Option(help=f"What channels are compared with, {' or '.join(BASELINES)}: patches, or 0 in its units."),
    ] = _USUAL.baseline,
    baselines: Annotated[int | None, typer.Option(help="Training patches to compare with.")] = None,
    steps: Annotated[int | None, typer.Option(help="Points of integrated_gradients.")] = None,
    samples: Annotated[int | None, typer.Option(help="Points of gradient_shap for every patch.")] = None,
    patches_per_scene: Annotated[
        int | None, typer.Option(help="Explain only this many drawn patches of each scene; the result says so.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = _USUAL.seed,
    memory_gb: Annotated[float | None, typer.Option(help="Memory to take at most.", min=0.1)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and stop.")] = False,
) -> None:
    """Find which channels a trained network relies on, for each class, over all scenes of a split.

    Example: python -m training attribute --checkpoint runs/TRIAL/best.pt --lake data/lake --method feature_ablation

    docs/feature_importance.md says what each method computes.
    """
    with user_errors():
        settings = AttributionSettings.of(
            method=method,
            split=split,
            target=target,
            classes=tuple(classes or ()),
            baseline=baseline,
            baselines=baselines,
            steps=steps,
            samples=samples,
            patches_per_scene=patches_per_scene,
            seed=seed,
        )
        beside = checkpoint if checkpoint.is_dir() else checkpoint.parent
        folder = out_folder or beside / "attribution"
        paths = output_paths(folder, settings.method)
        refuse_existing(paths, overwrite=overwrite)
        refuse_unusable(folder)
        source = Lake.open(lake)
        if dry_run:
            scenes = len(source.catalog().split(settings.split))
            tell(f"{settings.method} of {checkpoint} on {plural(scenes, f'{split} scene')} of {source.url}")
            tell(f"would write {', '.join(map(str, paths))}")
            return
        from datasets.loading.node_cache import NodeCache
        from training.attribution.run import attribute as run

        memory = None if memory_gb is None else int(memory_gb * 2**30)
        with counting_bar("patches") as show:
            result = run(checkpoint, source, settings, cache=NodeCache.default(), memory=memory, progress=show)
        write_result(result, folder, overwrite=overwrite)
    out.print(share_table(result))
    if (error := result.completeness_error) is not None:
        tell(f"completeness: attributions miss {error:.1%} of the change of the output (worst class, by patch)")
    tell(f"written: {', '.join(map(str, paths))}")


def share_table(result: AttributionResult) -> Table:
    """Channels by importance: mean share over classes, then the share for every class."""
    shown = [name for name in result.classes if any(row.class_name == name for row in result.rows)]
    shares = {name: {rank.feature: rank.share for rank in rank_channels(result, class_name=name)} for name in shown}
    table = Table(title=f"{result.method}: share of the absolute attribution, {plural(result.scenes, 'scene')}")
    table.add_column("channel", no_wrap=True)
    for name in ("mean", *shown):
        table.add_column(name.replace("_", " "), justify="right")
    for rank in rank_channels(result):
        values = [rank.share, *(shares[name][rank.feature] for name in shown)]
        table.add_row(rank.feature, *(f"{share:.1%}" for share in values))
    return table
