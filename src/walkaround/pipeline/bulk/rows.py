"""The rows of results: one for each picture and video, the same in Parquet and in JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from walkaround.damage.findings import Findings
from walkaround.errors import InputError
from walkaround.inspection.results import VideoFindings
from walkaround.pipeline.bulk.places import Place

Row = Mapping[str, object]
Answer = Findings | VideoFindings | InputError
"""What was found in a picture or a video, or why it could not be used."""

SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("bucket", pa.string()),
        pa.field("key", pa.string(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("anomalous", pa.bool_()),
        pa.field("confidence", pa.float64()),
        pa.field("label", pa.string()),
        pa.field("damage", pa.float64()),
        pa.field("probabilities", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("frames", pa.int32()),
        pa.field("duration", pa.float64()),
        pa.field("strongest_time", pa.float64()),
        pa.field("spans", pa.string()),
        pa.field("kinds", pa.string()),
        pa.field("boxes", pa.string()),
        pa.field("areas", pa.string()),
        pa.field("error", pa.string()),
    ]
)
"""Of the Parquet files; what `_AS_TEXT` names is JSON as text there, and itself in the JSON lines."""

_AS_TEXT = ("probabilities", "spans", "kinds", "boxes", "areas")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An object of the plan: its key, bytes and etag when it was listed."""

    key: str
    size: int
    etag: str


def row_at(place: Place, item: Listed, answer: Answer) -> dict[str, object]:
    """The row of an object of a place; values that there are not are None."""
    source, bucket = place.source(item.key), None if place.folder is not None else place.bucket
    row: dict[str, object] = dict.fromkeys(SCHEMA.names)
    row |= {"source": source, "bucket": bucket, "key": item.key, "etag": item.etag}
    if isinstance(answer, InputError):
        return row | {"error": str(answer)}
    found = answer.as_json()
    kind = "video" if isinstance(answer, VideoFindings) else "picture"
    return row | {name: found[name] for name in SCHEMA.names if name in found} | {"kind": kind, "source": source}


def parquet(rows: Sequence[Row]) -> bytes:
    """The rows as a Parquet file."""
    flat = [
        {**row, **{name: None if row[name] is None else json.dumps(row[name], ensure_ascii=False) for name in _AS_TEXT}}
        for row in rows
    ]
    return table_bytes(pa.Table.from_pylist(flat, schema=SCHEMA))


def table_bytes(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def json_lines(rows: Iterable[Row]) -> bytes:
    """The rows as JSON lines, UTF-8."""
    return b"".join((json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace") for row in rows)
