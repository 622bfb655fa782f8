"""Notes for the tracker about the scenes of a trial."""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from datasets.catalog import Catalog
from datasets.labels import chart
from training.data.trial_data import TrialData
from training.data.trial_scenes import Split
from training.tracking.tracker import DatasetNote


def dataset_notes(data: TrialData) -> Iterator[DatasetNote]:
    """One note for each split: its scenes by season and location, and the pixels of 40 m of each class."""
    target, lake = data.spec.data.primary, data.lake
    for split in get_args(Split):
        scenes: Catalog = data.scenes.of(split)
        pixels = {
            name: sum(record.pixels[target].get(value, 0) for record in scenes)
            for value, name in enumerate(chart(target).classes)
        }
        yield DatasetNote(
            name=lake.url.rsplit("/", 1)[-1] or "lake",
            url=lake.url,
            digest=lake.digest,
            recipe=lake.recipe_digest,
            context=split,
            scenes=len(scenes),
            profile={
                "ratio": data.spec.data.ratio,
                "scenes by season": dict(Counter(record.season for record in scenes)),
                "scenes by location": dict(Counter(record.location for record in scenes)),
                f"{target} pixels of 40 m": pixels,
            },
        )
