"""What stands beside the patches: their table, constants of normalization, classes, lines for two other programs."""

import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import yaml

from datasets.catalog import Catalog
from datasets.channels import CHANNELS
from datasets.export.patch_list import Patch
from datasets.export.settings import SPLITS, ExportSettings
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

_NOT_THERE: Final = "???"
"""What a person has to fill in: OmegaConf's mark for it."""
_PANGAEA_BANDS: Final = {"nersc_sar_primary": "VV", "nersc_sar_secondary": "VH"}
"""Its encoders take bands by name, and know co- and cross-polarised SAR by these only: of other names they see none."""


def write_tables(place: str, rows: "pd.DataFrame") -> None:
    """Writes the table of patches as Parquet and as CSV."""
    parquet = io.BytesIO()
    rows.to_parquet(parquet, index=False)
    replace(f"{place}/{TABLE}.parquet", parquet.getvalue())
    replace(f"{place}/{TABLE}.csv", rows.to_csv(index=False, lineterminator="\n").encode())


def patch_rows(
    settings: ExportSettings,
    catalog: Catalog,
    patches: Mapping[str, Sequence[Patch]],
    names: Callable[[str, Patch], tuple[str, str]],
    centre: Callable[[Patch], tuple[float, float]],
) -> "pd.DataFrame":
    """One row for each patch: split, number in it, files, window, longitude and latitude of its centre, season, ..."""
    import pandas as pd

    records = {record.scene_id: record for record in catalog}
    values = [*range(settings.chart.n_classes), IGNORE]
    rows: list[dict[str, object]] = []
    for split, found in patches.items():
        for number, patch in enumerate(found):
            record, (longitude, latitude) = records[patch.scene_id], centre(patch)
            image, mask = names(split, patch)
            rows.append(
                {
                    "split": split,
                    "patch": number,
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
            )
    return pd.DataFrame(rows)


def write_constants(
    place: str,
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
    shares = [float(f"{count / max(sum(taught), 1):.6g}") for count in taught]
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
        replace(f"{place}/{name}", (json.dumps(content, indent=1) + "\n").encode())
    if settings.format != "geotiff":
        return
    for name, content in (
        (TERRATORCH, _terratorch(settings, normalization, patches.keys())),
        (PANGAEA, _pangaea(settings, normalization, shares)),
    ):
        replace(f"{place}/{name}", yaml.safe_dump(content, sort_keys=False, width=110).encode())


def _terratorch(settings: ExportSettings, normalization: Normalization, splits: Collection[str]) -> dict[str, Any]:
    """`data` of its configuration; paths from the folder in which it is run, which is the export's.

    The module wants a root of the images of every split, which it reads only to train, validate or test.
    """
    roots = {f"{split}_data_root": f"{split}/images" if split in splits else _NOT_THERE for split in SPLITS}
    roots |= {f"{split}_label_data_root": f"{split}/masks" for split in SPLITS if split in splits}
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
    """`configs/dataset/NAME.yaml` of PANGAEA-bench, for the class of Cryo-Bench that reads split/images and masks."""
    limits = [CHANNELS[name].limits for name in settings.channels]
    return {
        "_target_": "pangaea.datasets.ai4arctic.AI4ArcticDataset",
        "dataset_name": f"icebench_{settings.lake}",
        "root_path": _NOT_THERE,  # where somebody has the export: its configuration asks for it by this mark
        "img_size": settings.patch,
        "multi_temporal": 0,
        "multi_modal": False,
        "ignore_index": IGNORE,
        "num_classes": settings.chart.n_classes,
        "classes": list(settings.chart.classes),
        "distribution": list(shares),
        "bands": {"sar": [_PANGAEA_BANDS.get(name, name) for name in settings.channels]},
        "data_mean": {"sar": list(normalization.mean)},
        "data_std": {"sar": list(normalization.std)},
        "data_min": {"sar": [low for low, _ in limits]},
        "data_max": {"sar": [high for _, high in limits]},
    }
