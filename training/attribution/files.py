"""What an attribution leaves: JSON, table and picture on disk, and the same with a tracker."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from training.attribution.result import AttributionResult
from training.attribution.settings import AttributionError
from training.evaluation.bins import ALL
from training.evaluation.metric_names import class_key
from training.output_folder import make_folder
from training.tracking.tracker import Tracker

KINDS = ("json", "csv", "png")


def output_paths(folder: Path, method: str) -> tuple[Path, ...]:
    """Files of one method in a folder: JSON, CSV, PNG."""
    return tuple(folder / f"{method}.{kind}" for kind in KINDS)


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Raises AttributionError for a file that is there, unless it may be overwritten."""
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise AttributionError(
            f"{str(existing[0])!r} exists: give --overwrite to replace it, or another folder as --out"
        )


def write_result(result: AttributionResult, folder: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Writes JSON, CSV and picture of a result and returns their paths.

    Raises:
        AttributionError: One of them exists.
        OutputFolderError: The folder cannot be made or written.
    """
    from training.artifacts.figures import save_figure
    from training.attribution.figure import attribution_figure

    paths = output_paths(folder, result.method)
    refuse_existing(paths, overwrite=overwrite)
    make_folder(folder)
    as_json, as_csv, as_png = paths
    as_json.write_text(result.to_json(), encoding="utf-8")
    as_csv.write_text(result.to_csv(), encoding="utf-8")
    save_figure(attribution_figure(result), as_png)
    return paths


def attribution_metrics(result: AttributionResult) -> Mapping[str, float]:
    """Means over all scenes by the names of a tracker, and the completeness error.

    Names are `attribution/<method>/<class>/<feature>/absolute` and `.../signed`.
    """
    found: dict[str, float] = {}
    for row in result.rows:
        if row.bin == ALL:
            name = f"attribution/{result.method}/{class_key(row.class_name)}/{row.feature}"
            found |= {f"{name}/absolute": row.absolute, f"{name}/signed": row.signed}
    if result.completeness_error is not None:
        found[f"attribution/{result.method}/completeness_error"] = result.completeness_error
    return found


def log_attribution(result: AttributionResult, tracker: Tracker, paths: Iterable[Path]) -> None:
    """Gives metrics and files of a result to a tracker whose record has been started; it is not finished here."""
    tracker.log_metrics(attribution_metrics(result))
    for path in paths:
        tracker.log_file(path, "attribution")
