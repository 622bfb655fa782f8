"""A patch index as one Parquet object: a plain table for people, with the rule and the scenes in its metadata.

Same rule and same scenes give the same bytes (with one release of pyarrow), so it does not matter which of several
processes writes last. The object is checked when it is read: every page carries a checksum, and the metadata must be
those of what is looked for.
"""

import io
from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.patches.patch_index import IndexedScene, PatchIndex
from datasets.patches.patch_rules import PatchRule
from datasets.scene import SceneRecord

FORMAT: Final = 1

_METADATA = b"icebench.patch_index"

_Number = TypeVar("_Number", bound=np.generic)


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int
    rule: PatchRule
    scenes: tuple[IndexedScene, ...]


def encode(index: PatchIndex) -> bytes:
    """The index as Parquet: columns scene_id, line, sample, label, rows in order."""
    metadata = _Metadata(format=FORMAT, rule=index.rule, scenes=index.scenes)
    scene_ids = pa.DictionaryArray.from_arrays(pa.array(index.scene), pa.array(index.scene_ids, pa.string()))
    table = pa.table(
        {
            "scene_id": scene_ids,
            "line": pa.array(index.line),
            "sample": pa.array(index.sample),
            "label": pa.array(index.label),
        }
    )
    described = table.replace_schema_metadata({_METADATA: metadata.model_dump_json().encode()})
    buffer = io.BytesIO()
    pq.write_table(described, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def decode(content: bytes, rule: PatchRule, records: Sequence[SceneRecord]) -> PatchIndex | None:
    """The index of this rule and these scenes in this order; None if the object is torn or something else."""
    try:
        table = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()
        metadata = _Metadata.model_validate_json((table.schema.metadata or {}).get(_METADATA, b""))
        line, sample = (_column(table, name, np.int32) for name in ("line", "sample"))
        label = _column(table, "label", np.uint8)
    except (pa.ArrowException, OSError, KeyError, ValidationError):
        return None
    found = [(scene.scene_id, scene.fingerprint) for scene in metadata.scenes]
    patches = [scene.patches for scene in metadata.scenes]
    if (
        metadata.format != FORMAT
        or metadata.rule != rule
        or found != [(record.scene_id, record.fingerprint) for record in records]
        or sum(patches) != table.num_rows
    ):
        return None
    scene = np.repeat(np.arange(len(patches), dtype=np.int32), patches)
    return PatchIndex(rule=rule, scenes=metadata.scenes, scene=scene, line=line, sample=sample, label=label)


def _column(table: pa.Table, name: str, dtype: type[_Number]) -> NDArray[_Number]:
    values: NDArray[_Number] = table[name].to_numpy()
    if values.dtype != dtype:
        raise KeyError(name)
    return values
