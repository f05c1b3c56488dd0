"""Lines of manifests for pictures that were uploaded or labelled over REST: those of SageMaker Ground Truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from walkaround.damage.kinds import ANOMALY
from walkaround.hosting.operations.manifest_lines import NAME_KEY, label_attribute
from walkaround.store.tables import now

_LABEL, _METADATA = "anomaly-label", "-metadata"
_CLASSIFICATION = "groundtruth/image-classification"


def picture_line(picture: str, *, name: str, label: str | None) -> dict[str, Any]:
    """A line about a picture, with or without a label."""
    return labelled_line({"source-ref": picture, NAME_KEY: name}, label)


def labelled_line(line: Mapping[str, Any], label: str | None) -> dict[str, Any]:
    """The line with this label instead of the ones that it had; everything else in it stays."""
    kept = dict(line)
    while (old := label_attribute(kept)) is not None:
        kept = {key: value for key, value in kept.items() if key not in (old, old + _METADATA)}
    if label is None:
        return kept
    metadata = {
        "class-name": label,
        "confidence": 1.0,
        "type": _CLASSIFICATION,
        "human-annotated": "yes",
        "creation-date": now().strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "job-name": "walkaround",
    }
    return {**kept, _LABEL: int(label == ANOMALY), _LABEL + _METADATA: metadata}


def manifest_of(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """The lines as a change takes them."""
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
