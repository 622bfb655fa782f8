"""What stands beside the patches: their table, constants of normalization, classes, lines for two other programs."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from datasets.catalog import Catalog
from datasets.channels import CHANNELS
from datasets.export.patch_list import Patch
from datasets.export.settings import ExportSettings
from datasets.labels import IGNORE
from datasets.loading.normalize import Normalization
from datasets.storage import replace

if TYPE_CHECKING:
    import pandas as pd

TABLE: Final = "patches"
NORMALIZATION: Final = "normalization.json"
CLASSES: Final = "classes.json"
TERRATORCH: Final = "terratorch.yaml"
PANGAEA: Final = "pangaea.yaml"


def write_tables(folder: Path, rows: "pd.DataFrame") -> None:
    """Writes the table of patches as Parquet and as CSV."""
    parquet = io.BytesIO()
    rows.to_parquet(parquet, index=False)
    replace(str(folder / f"{TABLE}.parquet"), parquet.getvalue())
    replace(str(folder / f"{TABLE}.csv"), rows.to_csv(index=False, lineterminator="\n").encode())


def patch_rows(
    settings: ExportSettings,
    catalog: Catalog,
    patches: Mapping[str, Sequence[Patch]],
    names: Mapping[Patch, tuple[str, str]],
    centres: Mapping[Patch, tuple[float, float]],
) -> "pd.DataFrame":
    """One row for each patch: split, place in it, files, window, longitude and latitude of its centre, season, ..."""
    import pandas as pd

    return pd.DataFrame(list(_rows(settings, catalog, patches, names, centres)))


def _rows(
    settings: ExportSettings,
    catalog: Catalog,
    patches: Mapping[str, Sequence[Patch]],
    names: Mapping[Patch, tuple[str, str]],
    centres: Mapping[Patch, tuple[float, float]],
) -> Iterator[dict[str, object]]:
    records = {record.scene_id: record for record in catalog}
    values = [*range(settings.chart.n_classes), IGNORE]
    for split, found in patches.items():
        for place, patch in enumerate(found):
            record, (longitude, latitude) = records[patch.scene_id], centres[patch]
            image, mask = names[patch]
            yield {
                "split": split,
                "patch": place,
                "image": image,
                "mask": mask,
                "scene_id": patch.scene_id,
                "line": patch.line,
                "sample": patch.sample,
                "longitude": round(longitude, 5),
                "latitude": round(latitude, 5),
                "season": record.season,
                "cryoseason": record.cryoseason,
                "location": record.location,
                "region": record.region,
                "provider": record.provider,
                "acquired": record.acquired.isoformat(),
                "synthetic": record.synthetic,
                **{f"{settings.target}_{value}": n for value, n in zip(values, patch.counts, strict=True)},
            }


def write_constants(
    folder: Path,
    settings: ExportSettings,
    normalization: Normalization,
    patches: Mapping[str, Sequence[Patch]],
) -> None:
    """Writes mean and deviation of the training scenes, classes, and data sections for TerraTorch and PANGAEA."""
    channels = [CHANNELS[name] for name in settings.channels]
    chart = settings.chart
    pixels = {
        split: [sum(patch.counts[value] for patch in found) for value in range(chart.n_classes)]
        for split, found in patches.items()
    }
    taught = pixels.get("train", [sum(column) for column in zip(*pixels.values(), strict=True)])
    shares = [round(count / max(sum(taught), 1), 6) for count in taught]
    constants = {
        "of": f"all pixels of the training scenes of lake {settings.lake} at ratio {settings.ratio}",
        "channels": list(settings.channels),
        "units": [channel.units for channel in channels],
        "mean": list(normalization.mean),
        "std": list(normalization.std),
        "no_data": "the mean" if settings.no_data == "mean" else "NaN",
    }
    classes = {
        "target": chart.name,
        "classes": list(chart.classes),
        "ignore_index": IGNORE,
        "pixels": pixels,
        "share_of_training_pixels": shares,
    }
    for name, content in ((NORMALIZATION, constants), (CLASSES, classes)):
        replace(str(folder / name), (json.dumps(content, indent=1) + "\n").encode())
    if settings.format != "geotiff":
        return
    for name, content in (
        (TERRATORCH, _terratorch(settings, normalization)),
        (PANGAEA, _pangaea(settings, normalization, shares)),
    ):
        replace(str(folder / name), yaml.safe_dump(content, sort_keys=False, width=110).encode())


def _terratorch(settings: ExportSettings, normalization: Normalization) -> dict[str, Any]:
    """`data` of its configuration; paths from the folder in which it is run, which is the export's."""
    roots = {
        f"{split}_{kind}data_root": f"{split}/{folder}"
        for split in ("train", "val", "test")
        for kind, folder in (("", "images"), ("label_", "masks"))
    }
    arguments = {
        "batch_size": 8,
        "num_workers": 4,
        "num_classes": settings.chart.n_classes,
        **roots,
        "img_grep": "*.tif",
        "label_grep": "*.tif",
        "dataset_bands": list(settings.channels),
        "output_bands": list(settings.channels),
        "rgb_indices": [0, min(1, len(settings.channels) - 1), 0],
        "means": list(normalization.mean),
        "stds": list(normalization.std),
    }
    return {"data": {"class_path": "GenericNonGeoSegmentationDataModule", "init_args": arguments}}


def _pangaea(settings: ExportSettings, normalization: Normalization, shares: Sequence[float]) -> dict[str, Any]:
    """`dataset` of its configuration, for a dataset class that reads split/images and split/masks."""
    limits = [CHANNELS[name].plausible for name in settings.channels]
    return {
        "dataset": {
            "dataset_name": f"icebench_{settings.lake}",
            "root_path": ".",
            "img_size": settings.patch,
            "multi_temporal": 0,
            "multi_modal": False,
            "ignore_index": IGNORE,
            "num_classes": settings.chart.n_classes,
            "classes": list(settings.chart.classes),
            "distribution": list(shares),
            "bands": {"sar": list(settings.channels)},
            "data_mean": {"sar": list(normalization.mean)},
            "data_std": {"sar": list(normalization.std)},
            "data_min": {"sar": [low for low, _ in limits]},
            "data_max": {"sar": [high for _, high in limits]},
        }
    }
