"""points.parquet: the rows of points.csv with their types; missing values are null, infinity is infinity."""

from __future__ import annotations

import io
from dataclasses import dataclass

from ctc.records import Campaign
from ctc.report.tables import POINT_COLUMNS, point_columns, point_rows

_TEXT = frozenset({"codec", "picture", "decoded_sha256", "status", "reason"})
_INTEGER = frozenset({"bytes", "tries", "encode_peak_bytes", "decode_peak_bytes"})


@dataclass(frozen=True)
class ParquetReport:
    name: str = "parquet"
    file_name: str = "points.parquet"

    def render(self, campaign: Campaign) -> bytes:
        import pyarrow as pa
        from pyarrow import parquet

        def type_of(column: str, position: int) -> pa.DataType:
            if position >= len(POINT_COLUMNS):
                return pa.float64()
            return pa.string() if column in _TEXT else pa.int64() if column in _INTEGER else pa.float64()

        schema = pa.schema([(name, type_of(name, position)) for position, name in enumerate(point_columns(campaign))])
        columns = list(zip(*(row.cells for row in point_rows(campaign)), strict=True)) or [()] * len(schema)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), out, compression="zstd")
        return out.getvalue()


REPORTS = (ParquetReport(),)
