"""Results as a table: CSV for a spreadsheet, Parquet for a data lake; any number of them in the memory of a few thousand."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal

from walkaround.errors import InputError, MissingExtraError, writing
from walkaround.hosting.operations.results.result_search import Position, ResultFilter, Search
from walkaround.hosting.operations.results.results import damaged_spans, kinds_of, watch_names
from walkaround.hosting.owner import Owner
from walkaround.store.database import Database
from walkaround.store.results import Result

Format = Literal["csv", "parquet"]

_AT_ONCE = 2_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"), in full width too."""


Kind = Literal["text", "whole", "number", "truth", "time"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table.

    Attributes:
        kind: text, whole, number, truth or time.
        meaning: in a sentence.
    """

    name: str
    kind: Kind
    meaning: str


_COLUMNS: tuple[tuple[str, Kind, str], ...] = (
    ("id", "whole", "Number of the result."),
    ("created", "time", "When it was looked at, in UTC."),
    ("project", "text", "The project."),
    ("model", "whole", "Version of the model that looked."),
    ("watch", "text", "The watch that it came by; empty where it was sent."),
    ("source", "text", "Where the picture or video is, or what its sender calls it."),
    ("kind", "text", "picture or video."),
    ("anomalous", "truth", "The verdict."),
    ("label", "text", "The most probable class."),
    ("confidence", "number", "Confidence in the verdict, 0 to 1."),
    ("damage", "number", "Probability that it shows any damage, 0 to 1."),
    ("width", "whole", "In pixels, upright."),
    ("height", "whole", "In pixels, upright."),
    ("duration", "number", "Of a video: its length in seconds."),
    ("frames", "whole", "Of a video: how many frames were looked at."),
    ("strongest_time", "number", "Of a video: second of the frame that speaks most for damage."),
    (
        "damaged_spans",
        "text",
        "Of a video: seconds from the first to the last of frames in a row that look damaged, as JSON.",
    ),
    ("probabilities", "text", "Probability of each class, as JSON."),
    ("kinds", "text", "Kinds of damage whose place was found, the surest or largest first, as JSON."),
    ("boxes", "text", "Each damage with its label, score and box, as JSON; of models that find boxes."),
    ("areas", "text", "Share of the picture that each kind of damage covers, as JSON; of models that find masks."),
    ("verdict", "text", "What a person says: normal or anomaly; empty where nobody has said anything."),
)
COLUMNS = tuple(Column(name=name, kind=kind, meaning=meaning) for name, kind, meaning in _COLUMNS)
"""The columns, in order."""


def export_results(
    database: Database, owner: Owner, wanted: ResultFilter, path: Path, *, project_name: str | None = None
) -> int:
    """Write results to a file, the newest first; the file is there whole or not at all.

    Args:
        database: where they are.
        owner: whose they are.
        wanted: which of them.
        path: of the file; its ending, .csv or .parquet, says what it becomes.
        project_name: the project; None: all of the account.

    Returns:
        How many were written.

    Raises:
        InputError: the ending is another one.
        MissingExtraError: Parquet needs pyarrow.
        NotFoundError: there is no such project or watch.
        StorageError: the file cannot be written.
        UnavailableError: the database does not answer.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("csv", "parquet"):
        raise InputError(f"{str(path)!r} must end in .csv or .parquet: that says what is written.")
    count = 0

    def counted(some: list[dict[str, Any]]) -> None:
        nonlocal count
        count += len(some)

    parts = export_parts(
        database, owner, wanted, "csv" if form == "csv" else "parquet", project_name=project_name, tell=counted
    )
    with writing(path), NamedTemporaryFile(dir=path.absolute().parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return count


def export_parts(
    database: Database,
    owner: Owner,
    wanted: ResultFilter,
    form: Format,
    *,
    project_name: str | None = None,
    tell: Callable[[list[dict[str, Any]]], None] | None = None,
) -> Iterator[bytes]:
    """The bytes of the file, part by part; what cannot be done is raised here, before the first part.

    Args:
        database: where they are.
        owner: whose they are.
        wanted: which of them.
        form: of the file.
        project_name: the project; None: all of the account.
        tell: is given the rows of each part.

    Raises:
        MissingExtraError: Parquet needs pyarrow.
        NotFoundError: there is no such project or watch.
        UnavailableError: the database does not answer.
    """
    encode = _csv if form == "csv" else _parquet()
    groups = _groups(database, owner, wanted, project_name)
    first = next(groups, [])  # asks whether all of it is there

    def told() -> Iterator[list[dict[str, Any]]]:
        for group in chain([first], groups):
            if tell is not None:
                tell(group)
            yield group

    return encode(told())


def _groups(database: Database, owner: Owner, wanted: ResultFilter, project_name: str | None) -> Iterator[list[dict[str, Any]]]:
    """Rows of the table, some at a time, each time in a transaction of its own: a slow reader holds up nobody."""
    after: Position | None = None
    while True:
        with database.reading() as session:
            search = Search(session, owner, wanted, project_name=project_name)
            found = search.next(session, size=_AT_ONCE, after=after)
            names = watch_names(session, owner, found.results)
        yield [_row(result, search.projects[result.project_id], names.get(result.watch_id)) for result in found.results]
        after = found.last
        if after is None:
            return


def _row(result: Result, project: str, watch: str | None) -> dict[str, Any]:
    findings = result.findings
    video = "duration" in findings
    spans = json.dumps([list(span) for span in damaged_spans(findings)]) if video else None
    return {
        "id": result.id,
        "created": result.created,
        "project": project,
        "model": result.model_version,
        "watch": watch,
        "source": result.source,
        "kind": "video" if video else "picture",
        "anomalous": result.anomalous,
        "label": result.label,
        "confidence": result.confidence,
        "damaged_spans": spans,
        "probabilities": json.dumps(findings.get("probabilities", {}), ensure_ascii=False),
        **_places(findings),
        "verdict": result.verdict,
        **{name: findings.get(name) for name in ("damage", "width", "height", "duration", "frames", "strongest_time")},
    }


def _places(findings: Mapping[str, Any]) -> dict[str, str | None]:
    """The columns of what was found with its place; empty for models that find no such."""
    told = {name: findings[name] for name in ("boxes", "areas") if findings.get(name) is not None}
    columns = {"kinds": kinds_of(findings) if told else None, "boxes": told.get("boxes"), "areas": told.get("areas")}
    return {name: None if value is None else json.dumps(value, ensure_ascii=False) for name, value in columns.items()}


def _csv(groups: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8; nothing in it is a formula."""
    header = [column.name for column in COLUMNS]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    for group in groups:
        writer.writerows([_cell(row[name]) for name in header] for row in group)
        yield text.getvalue().encode("utf-8", "backslashreplace")
        text.seek(0)
        text.truncate()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
    return str(value)


def _parquet() -> Callable[[Iterator[list[dict[str, Any]]]], Iterator[bytes]]:
    """The encoder, if there is one."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as problem:
        raise MissingExtraError(
            "Parquet needs pyarrow, which is not installed: pip install 'walkaround[parquet]', or export as CSV."
        ) from problem
    kinds = {
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "number": pyarrow.float64(),
        "truth": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", tz="UTC"),
    }
    fields = [pyarrow.field(column.name, kinds[column.kind], metadata={"meaning": column.meaning}) for column in COLUMNS]
    schema = pyarrow.schema(fields)

    def encode(groups: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
        sink = _Sink()
        with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
            for group in groups:
                if group:
                    writer.write_table(pyarrow.Table.from_pylist(_plain(group), schema=schema))
                yield sink.take()
        yield sink.take()

    return encode


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows that are UTF-8 whatever a file was called."""
    return [
        {
            name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in rows
    ]


class _Sink(io.RawIOBase):
    """A file that gives away what was written to it, so that it never grows."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Take some bytes."""
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        """How much was written."""
        return self._written

    def take(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
