"""`CatalogFile`: catalog.parquet, the rows of a lake and in its metadata the statistics of its channels.

One object, so that nobody reads the rows of one build with the statistics of another.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from datasets.catalog import Catalog
from datasets.catalog_rows import FEW_WORDS, TableRows
from datasets.errors import LakeNotFoundError
from datasets.statistics import ChannelStatistics

STATISTICS: Final = b"icebench.moments"
_DIGEST: Final = b"icebench.digest"
_SETTLED: Final = b"icebench.settled"


@dataclass(frozen=True)
class CatalogFile:
    """What the file holds.

    Attributes:
        catalog: One row for each scene.
        statistics: Channel statistics of the training scenes, by group (`r2`, `km2`) and channel.
        digest: Of the lake, see `Lake.digest`: it hashes every row, which a reader of many scenes has no time for.
            Empty in catalogs of earlier versions.
        settled: Whether the build that wrote it knows of every row that it is what the scene's store says.
    """

    catalog: Catalog
    statistics: Mapping[str, Mapping[str, ChannelStatistics]]
    digest: str = ""
    settled: bool = False

    @classmethod
    def from_parquet(cls, content: bytes) -> "CatalogFile":
        """Raises LakeNotFoundError where it is not a catalog of this format."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            # Words that come again and again are kept once.
            table = pq.ParquetFile(io.BytesIO(content), read_dictionary=list(FEW_WORDS)).read()
            metadata = table.schema.metadata or {}
            groups = json.loads(metadata.get(STATISTICS, b"{}"))
            statistics = {
                group: {name: ChannelStatistics.model_validate(row) for name, row in rows.items()}
                for group, rows in groups.items()
            }
            return cls(
                Catalog(rows=TableRows(table)), statistics, metadata.get(_DIGEST, b"").decode(), _SETTLED in metadata
            )
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
        metadata = {STATISTICS: json.dumps(rows, sort_keys=True).encode()}
        metadata |= {_DIGEST: self.digest.encode()} if self.digest else {}
        metadata |= {_SETTLED: b"true"} if self.settled else {}
        by_pandas, buffer = io.BytesIO(), io.BytesIO()
        self.catalog.to_frame().to_parquet(by_pandas, index=False, engine="pyarrow")
        pq.write_table(pq.ParquetFile(by_pandas).read().replace_schema_metadata(metadata), buffer)
        return buffer.getvalue()
