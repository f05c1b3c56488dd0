"""Our own manifest: JSON lines of {"image": path relative to the manifest, "label": name or null, "split": optional}."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from walkaround.datasets.faults import Faults, LineError, checked_label, shown
from walkaround.datasets.formats.json_lines import objects_in
from walkaround.datasets.formats.references import Row
from walkaround.datasets.sample import Sample, Split, split_named
from walkaround.errors import writing

IMAGE_KEY = "image"


def write_manifest(path: Path, samples: Iterable[Sample]) -> None:
    """Write `samples` as a manifest; a reader never sees half of it.

    Raises:
        StorageError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path):
        try:
            with unfinished.open("w", encoding="utf-8", newline="\n") as lines:
                lines.writelines(json.dumps(_as_object(sample, path.parent)) + "\n" for sample in samples)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def read_manifest(path: Path, faults: Faults) -> Iterator[Row]:
    """Yield the lines of a manifest; those that cannot be used go to `faults`."""
    for where, line in objects_in(path, faults):
        try:
            yield Row(
                reference=line.get(IMAGE_KEY),
                label=_label(line.get("label")),
                split=_split(line.get("split")),
                where=where,
            )
        except LineError as error:
            faults.add_error(where, error)


def checked_split(text: str) -> Split | None:
    """The split that `text` from outside names, None for an empty one.

    Raises:
        LineError: it is something else, and guessing could put a test picture into training.
    """
    split = split_named(text)
    if split is None and text.strip():
        raise LineError("bad-split", f"the split {shown(text.strip(), longest=60)} is unknown")
    return split


def _as_object(sample: Sample, folder: Path) -> dict[str, str | None]:
    image = Path(os.path.relpath(sample.path, folder)).as_posix()
    line = {"image": image, "label": sample.label}
    return line if sample.split is None else {**line, "split": sample.split}


def _label(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise LineError("bad-label", f"the label {shown(value, longest=60)} is no text")
    return checked_label(value or "")


def _split(value: object) -> Split | None:
    if value is not None and not isinstance(value, str):
        raise LineError("bad-split", f"the split {shown(value, longest=60)} is no text")
    return checked_split(value or "")
