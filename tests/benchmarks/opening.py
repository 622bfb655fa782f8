"""Open a lake of 532 scenes and ask its catalog: on disk against reading the Parquet file, on S3 in requests.

The scenes are only root documents, copies of eight small ones under other names: opening reads no pixel.
"""

import json
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import fsspec
import pandas as pd

from datasets.lake import Lake
from datasets.scene import SceneRecord
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.full_scene import Row
from tests.object_store import BUCKET, ObjectStore, client_of, counting_proxy

SCENES = 532
SECONDS_REACH, REQUESTS_REACH = 1.0, 3
ROUNDS = 5


def measure() -> list[Row]:
    """Makes the lake and opens it; about half a minute."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        place = make_lake(folder)
        seconds = min(_seconds(lambda: _open_and_ask(str(place))) for _ in range(ROUNDS))
        floor = min(_seconds(lambda: pd.read_parquet(place / "catalog.parquet")) for _ in range(ROUNDS))
        requests = _requests(folder, place)
    return [
        Row(
            what=f"open a lake of {SCENES} scenes and ask it",
            measured=f"{seconds:.2f} s",
            floor=f"{floor:.3f} s",
            ratio=f"{seconds / floor:.0f}",
            reach=f"< {SECONDS_REACH:g} s",
            reached=seconds < SECONDS_REACH,
            note="floor: pandas reads the same Parquet file; ours checks every row",
        ),
        Row(
            what="the same from S3",
            measured=f"{len(requests)} requests",
            floor="-",
            ratio="-",
            reach=f"<= {REQUESTS_REACH}",
            reached=len(requests) <= REQUESTS_REACH,
            note="recipe.json, catalog.parquet, and that again for the statistics",
        ),
    ]


def make_lake(folder: Path) -> Path:
    """A lake of SCENES scenes whose stores are root documents."""
    recipe = Recipe(ratios=(10,))
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    raw = write_samples(folder / "raw", scenes=8, lines=420, samples=520, seed=1)
    models = [convert_scene(str(path), recipe, lake, "train") for path in raw]
    documents = [json.loads((Path(lake.scene_url(each.scene_id)) / "zarr.json").read_text()) for each in models]
    rows = []
    for k in range(SCENES):
        row = _other_scene(models[k % len(models)], k)
        document = documents[k % len(models)]
        document["attributes"]["record"] = row.model_dump(mode="json")
        target = Path(lake.scene_url(row.scene_id))
        target.mkdir(parents=True, exist_ok=True)
        (target / "zarr.json").write_text(json.dumps(document))
        rows.append(row)
    publish(lake, rows, SplitOptions())
    return Path(lake.place)


def _other_scene(model: SceneRecord, number: int) -> SceneRecord:
    acquired = model.acquired + timedelta(days=2 * number)
    return model.model_copy(
        update={
            "scene_id": f"{acquired:%Y%m%dT%H%M%S}_{model.provider}",
            "acquired": acquired,
            "stopped": acquired + timedelta(seconds=60),
            "orbit": model.orbit + 29 * number,
        }
    )


def _open_and_ask(url: str) -> int:
    lake = Lake.open(url)
    catalog = lake.catalog()
    assert len(catalog) == SCENES
    lake.moments("r10")
    return len(catalog.split("train").where(season="winter", location="cat1"))


def _requests(folder: Path, place: Path) -> list[str]:
    store = ObjectStore(folder / "object-store")
    store.start()
    try:
        with client_of(store):
            files = fsspec.filesystem("s3")
            for name in ("recipe.json", "catalog.parquet"):
                files.put_file(str(place / name), f"{BUCKET}/lake/{name}")
        with counting_proxy(store) as (endpoint, seen), client_of(store, endpoint):
            _open_and_ask(f"s3://{BUCKET}/lake")
            return list(seen)
    finally:
        store.stop()


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
