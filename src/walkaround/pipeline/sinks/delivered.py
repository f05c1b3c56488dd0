"""What a sink is given, the JSON document of it, and what a sink is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from walkaround.errors import WalkaroundError
from walkaround.inspection.masks import MASKS, anomalies_of, told_line, unpacked

FORMAT = 1
"""Of the document; members may be added to a format, none is removed or changed."""
HEAT_MAP = "heat_map"
"""The member of a picture's findings that drawings are made with; nothing that anybody wants to read."""
FRAMES = "frames_found"
"""The member of a video's findings that holds the lines of its frames."""
DRAWN_PICTURE, DRAWN_VIDEO = ".drawn.jpg", ".drawn.mp4"
WRITTEN_ENDINGS = (DRAWN_PICTURE, DRAWN_VIDEO, ".json")
"""What a bucket sink writes ends so; none of it is an input, wherever it is written."""
_IDS = UUID("5a1a2f0e-5b5f-4d3c-9d7e-0b8c3f0f6a11")
"""The namespace of all ids that sinks see; another one would make every result a new one to them."""


class RefusedError(WalkaroundError):
    """The sink will never take this result: trying again would give the same answer."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A result on its way to a sink.

    Attributes:
        identity: of the arrival; the same for ever, and for no other.
        watch: name of the watch.
        source: how a person calls what arrived: s3://bucket/key, or a path.
        bucket, key, version, etag: what arrived, as far as is known.
        happened: when it was put there.
        project, model_version: of the model that looked at it.
        findings: a picture's line, or a video's with the lines of its frames in "frames_found".
        created: when it was looked at.
        several: several models of the watch look at this key.
        superseded: there is a result for a newer content of the same object.
    """

    identity: str
    watch: str
    source: str
    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None
    happened: datetime
    project: str
    model_version: int
    findings: Mapping[str, Any]
    created: datetime
    several: bool = False
    superseded: bool = False

    @property
    def id(self) -> str:
        """A UUID of the result, the same however often it is delivered, and wherever."""
        return self.part_id("")

    def part_id(self, part: str) -> str:
        """A UUID for a part of the result, such as a frame, or for one sink of it."""
        return str(uuid5(_IDS, f"{self.identity}/{part}" if part else self.identity))

    @property
    def frames(self) -> Sequence[Mapping[str, Any]]:
        """The lines of a video's frames; empty for a picture."""
        found = self.findings.get(FRAMES)
        return found if isinstance(found, list) else ()

    @property
    def is_video(self) -> bool:
        """Whether a video was looked at."""
        return FRAMES in self.findings


class Sender(Protocol):
    """A sink that is ready to be given results."""

    def send(self, given: Sequence[Delivered]) -> list[WalkaroundError | None]:
        """Deliver; the same result again changes nothing.

        Returns:
            For each what went wrong, or None. RefusedError: never try this one again. UnavailableError: nothing can be
            delivered at the moment, and those after the first of this kind were not tried. Anything else: this one failed.
        """


def result_document(given: Delivered) -> dict[str, Any]:
    """The result as docs/pipeline-results.md has it."""
    return {
        "format": FORMAT,
        "id": given.id,
        "watch": given.watch,
        "kind": "video" if given.is_video else "picture",
        "source": given.source,
        "bucket": given.bucket,
        "key": given.key,
        "version": given.version,
        "etag": given.etag,
        "happened": _moment(given.happened),
        "inspected": _moment(given.created),
        "project": given.project,
        "model_version": given.model_version,
        "findings": {name: value for name, value in told_line(given.findings).items() if name != HEAT_MAP},
        "DetectAnomalyResult": {
            "Source": {"Type": "direct"},
            "IsAnomalous": bool(given.findings["anomalous"]),
            "Confidence": float(given.findings["confidence"]),
            **({"Anomalies": anomalies_of(unpacked(given.findings[MASKS]))} if MASKS in given.findings else {}),
        },
    }


def document_bytes(document: Mapping[str, Any], *, indent: int | None = None) -> bytes:
    """JSON in UTF-8; the same document gives the same bytes."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent).encode("utf-8", "backslashreplace")


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
