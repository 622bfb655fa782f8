"""`CatalogFile`: catalog.parquet, the rows of a lake and in its metadata the statistics of its channels.

One object, so that nobody reads the rows of one build with the statistics of another.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow.parquet

from datasets.catalog import Catalog
from datasets.errors import LakeNotFoundError
from datasets.statistics import ChannelStatistics

_STATISTICS: Final = b"icebench.moments"


@dataclass(frozen=True)
class CatalogFile:
    """What the file holds.

    Attributes:
        catalog: One row a scene.
        statistics: Channel statistics of the training scenes, by group (`r2`, `km2`) and channel.
    """

    catalog: Catalog
    statistics: Mapping[str, Mapping[str, ChannelStatistics]]

    @classmethod
    def from_parquet(cls, content: bytes) -> "CatalogFile":
        """Raises LakeNotFoundError where it is not a catalog of this format."""
        return cls(Catalog.from_parquet(content), _statistics(content))

    def to_parquet(self) -> bytes:
        """The file; pandas' notes, which tell earlier rows from new ones, are dropped: same scenes, same bytes."""
        rows = {
            group: {name: row.model_dump() for name, row in each.items()} for group, each in self.statistics.items()
        }
        table = pyarrow.parquet.read_table(io.BytesIO(self.catalog.to_parquet()))
        buffer = io.BytesIO()
        metadata = {_STATISTICS: json.dumps(rows, sort_keys=True).encode()}
        pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), buffer)
        return buffer.getvalue()


def _statistics(parquet: bytes) -> dict[str, dict[str, ChannelStatistics]]:
    try:
        metadata = pyarrow.parquet.read_schema(io.BytesIO(parquet)).metadata or {}
        groups = json.loads(metadata.get(_STATISTICS, b"{}"))
        return {
            group: {name: ChannelStatistics.model_validate(row) for name, row in rows.items()}
            for group, rows in groups.items()
        }
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise LakeNotFoundError(
            f"catalog.parquet is not a catalog of this format ({type(error).__name__}); rebuild the lake"
        ) from error
