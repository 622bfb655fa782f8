"""`CatalogFile`: catalog.parquet, the rows of a lake and in its metadata the statistics of its channels.

One object, so that nobody reads the rows of one build with the statistics of another.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from datasets.catalog import Catalog
from datasets.errors import LakeNotFoundError
from datasets.statistics import ChannelStatistics

_STATISTICS: Final = b"icebench.moments"


@dataclass(frozen=True)
class CatalogFile:
    """What the file holds.

    Attributes:
        catalog: One row for each scene.
        statistics: Channel statistics of the training scenes, by group (`r2`, `km2`) and channel.
    """

    catalog: Catalog
    statistics: Mapping[str, Mapping[str, ChannelStatistics]]

    @classmethod
    def from_parquet(cls, content: bytes) -> "CatalogFile":
        """Raises LakeNotFoundError where it is not a catalog of this format."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(io.BytesIO(content))
            groups = json.loads((table.schema.metadata or {}).get(_STATISTICS, b"{}"))
            statistics = {
                group: {name: ChannelStatistics.model_validate(row) for name, row in rows.items()}
                for group, rows in groups.items()
            }
            return cls(Catalog.from_frame(table.to_pandas()), statistics)
        except (pa.ArrowException, KeyError, OSError, ValueError) as error:  # a ValidationError is a ValueError
            raise LakeNotFoundError(
                f"catalog.parquet is not a catalog of this format ({type(error).__name__}: {error}); rebuild the lake"
            ) from error

    def to_parquet(self) -> bytes:
        """The file; pandas' notes, which tell earlier rows from new ones, are dropped: same scenes, same bytes."""
        import pyarrow.parquet as pq

        rows = {
            group: {name: row.model_dump() for name, row in each.items()} for group, each in self.statistics.items()
        }
        metadata = {_STATISTICS: json.dumps(rows, sort_keys=True).encode()}
        by_pandas, buffer = io.BytesIO(), io.BytesIO()
        self.catalog.to_frame().to_parquet(by_pandas, index=False, engine="pyarrow")
        pq.write_table(pq.read_table(by_pandas).replace_schema_metadata(metadata), buffer)
        return buffer.getvalue()
