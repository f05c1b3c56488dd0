"""From the bytes of a manifest, or of a change, to entries, or to one sentence that says which lines are wrong.

A line is a JSON object as SageMaker Ground Truth writes them. `source-ref` names the picture; the label is the `class-name` in
the metadata of a classification, under an attribute of any name. The number beside it is ignored: real clients invert it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.faults import shown
from walkaround.datasets.formats.lookout import SOURCE_KEY
from walkaround.errors import DatasetError
from walkaround.settings import BUCKET_NAME
from walkaround.store.tables import now

_S3 = "s3://"
_METADATA = "-metadata"
_ATTRIBUTE = "anomaly-label"
_DETECTED = "-detected-metadata"
_CLASSIFICATION = "groundtruth/image-classification"
_SEGMENTATION = "groundtruth/semantic-segmentation"
_SHORTEST, _LONGEST = 2, 8192
_LONGEST_KEY = 1024
_TOLD = 5
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What one line says.

    Attributes:
        source_ref: the picture, s3://bucket/key.
        label: normal or anomaly; None: unlabelled.
        text: the line itself, as it was given.
    """

    source_ref: str
    label: str | None
    text: str

    @property
    def bucket(self) -> str:
        """The bucket that holds the picture."""
        return self.source_ref.removeprefix(_S3).partition("/")[0]


class _LineError(Exception):
    pass


def parse_lines(content: bytes, *, bucket: str | None = None) -> dict[str, Line]:
    """Read all lines of a manifest; of several lines about one picture the last one counts.

    Args:
        content: UTF-8 text, a JSON object on each line that is not blank.
        bucket: the one that all pictures must be in; None: any one bucket.

    Returns:
        Lines by the picture they are about, in the order in which the pictures were first met.

    Raises:
        DatasetError: a line cannot be used, has a mask, or names a picture in another bucket; or there is no line.
    """
    lines: dict[str, Line] = {}
    faults: list[str] = []
    for number, raw in _split(content):
        try:
            line = _parse(raw)
            bucket = bucket or line.bucket
            if line.bucket != bucket:
                raise _LineError(f"its picture is in bucket {line.bucket!r}, and those of the dataset are in {bucket!r}")
            lines[line.source_ref] = line
        except _LineError as fault:
            faults.append(f"line {number}: {fault}")
    if faults:
        more = f"; and {len(faults) - _TOLD:,} more lines" if len(faults) > _TOLD else ""
        raise DatasetError(f"Lines cannot be used: {'; '.join(faults[:_TOLD])}{more}. Correct them and try again.")
    if not lines:
        raise DatasetError("There is no line: give a JSON object with source-ref on each line.")
    return lines


def _parse(raw: bytes) -> Line:
    try:
        text = raw.strip().decode("utf-8")
    except UnicodeDecodeError:
        raise _LineError("it is not UTF-8 text") from None
    if not _SHORTEST <= len(text) <= _LONGEST:
        raise _LineError(f"it has {len(text):,} characters, and {_SHORTEST} to {_LONGEST:,} are allowed")
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: brackets nested by the thousand
        raise _LineError("it is not JSON") from None
    if not isinstance(members, dict):
        raise _LineError("it is no JSON object")
    if _has_mask(members):
        raise _LineError("it has a mask (semantic segmentation), and masks are not supported yet: take the masks out")
    return Line(source_ref=_source_ref(members.get(SOURCE_KEY)), label=_label(members), text=text)


def source_bucket(source_ref: object) -> str:
    """The bucket that a source reference names.

    Raises:
        DatasetError: it is not s3://bucket/key.
    """
    try:
        return Line(source_ref=_source_ref(source_ref), label=None, text="").bucket
    except _LineError as fault:
        raise DatasetError(f"A picture cannot be used: {fault}.") from None


def classification_line(source_ref: str, label: str, *, job: str) -> str:
    """A line as Ground Truth writes it for a picture that a person calls `label`, normal or anomaly."""
    metadata = {
        "class-name": label,
        "confidence": 1.0,
        "human-annotated": "yes",
        "creation-date": now().strftime("%Y-%m-%dT%H:%M:%S"),
        "type": _CLASSIFICATION,
        "job-name": job,
    }
    return json.dumps({SOURCE_KEY: source_ref, _ATTRIBUTE: int(label == ANOMALY), _ATTRIBUTE + _METADATA: metadata})


def _split(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, raw in enumerate(content.removeprefix(_BOM).split(b"\n"), start=1):
        if raw.strip():
            yield number, raw


def _source_ref(value: object) -> str:
    if not isinstance(value, str):
        raise _LineError(f"it has no {SOURCE_KEY}")
    bucket, _, key = value.removeprefix(_S3).partition("/")
    if not value.startswith(_S3) or not BUCKET_NAME.fullmatch(bucket) or not key:
        raise _LineError(f"its {SOURCE_KEY} {shown(value)} is not s3://bucket/key")
    try:
        length = len(key.encode("utf-8"))
    except UnicodeEncodeError:  # half of a surrogate pair
        length = 0
    if not 0 < length <= _LONGEST_KEY or _CONTROL.search(key):
        raise _LineError(
            f"its {SOURCE_KEY} {shown(value)} is no key of 1 to {_LONGEST_KEY:,} bytes of UTF-8 without control characters"
        )
    return value


def _label(members: dict[str, object]) -> str | None:
    names = set()
    for key, metadata in members.items():
        # "-detected" is what a model said, in the evaluation manifests that the service wrote.
        if not key.endswith(_METADATA) or key.endswith(_DETECTED) or not isinstance(metadata, dict):
            continue
        if metadata.get("type", _CLASSIFICATION) == _CLASSIFICATION:
            names.add(str(metadata.get("class-name", "")).strip().casefold())
    named = sorted(names & {NORMAL, ANOMALY})
    if len(named) == 2:
        raise _LineError("it calls the picture both normal and anomaly")
    return named[0] if named else None


def _has_mask(members: dict[str, object]) -> bool:
    for key in members:
        metadata = members.get(key + _METADATA)
        if key.endswith("-ref") and key != SOURCE_KEY and isinstance(metadata, dict) and metadata.get("type") == _SEGMENTATION:
            return True
    return False
