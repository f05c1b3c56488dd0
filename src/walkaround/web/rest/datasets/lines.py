"""Lines of manifests for pictures that were uploaded or labelled over REST: those of SageMaker Ground Truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from walkaround.damage.kinds import ANOMALY
from walkaround.hosting.operations.lines.label_lines import label_members, relabelled, with_kinds
from walkaround.hosting.operations.lines.manifest_lines import NAME_KEY, label_attribute, label_of
from walkaround.hosting.operations.lines.place_lines import METADATA


def picture_line(picture: str, *, name: str, label: str | None) -> dict[str, Any]:
    """A line about a picture, with or without a label."""
    return labelled_line({"source-ref": picture, NAME_KEY: name}, label)


def labelled_line(line: Mapping[str, Any], label: str | None, *, worker: str | None = None) -> dict[str, Any]:
    """The line with this label instead of the ones that it had.

    What speaks of another label goes too: damage types of a picture that shows none, and the review of another label.
    Everything else in it stays.

    Args:
        line: of a manifest.
        label: normal, anomaly, or None to take it away.
        worker: who says so.
    """
    former = label_attribute(line)
    kept = dict(line) if former is not None and label_of(line, former) == label else relabelled(line)
    while (old := label_attribute(kept)) is not None:
        kept = {key: value for key, value in kept.items() if key not in (old, old + METADATA)}
    if label != ANOMALY:
        kept = with_kinds(kept, ())
    return kept if label is None else {**kept, **label_members(label, worker=worker)}


def manifest_of(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """The lines as a change takes them."""
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
