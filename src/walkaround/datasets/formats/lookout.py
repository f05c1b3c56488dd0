"""Manifests of Amazon Lookout for Vision: JSON lines as SageMaker Ground Truth writes them.

A line holds `source-ref` (the picture), and for a labelled picture `<name>` (a number, ignored) with `<name>-metadata`, whose
`class-name` is normal or anomaly. Real manifests break the written rules, so only these are demanded; a line without a label,
or with any other class name, is an unlabelled picture, as it was there. Boxes and masks are read by `ground_truth`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.faults import Faults, LineError, shown
from walkaround.datasets.formats.ground_truth import METADATA, drawn_on
from walkaround.datasets.formats.json_lines import objects_in
from walkaround.datasets.formats.references import Row

SOURCE_KEY = "source-ref"
CLASSIFICATION = "groundtruth/image-classification"


def read_lookout(path: Path, faults: Faults) -> Iterator[Row]:
    """Yield the lines of a manifest; those that cannot be used go to `faults`."""
    for where, line in objects_in(path, faults):
        try:
            names = _class_names(line)
            if len(names & {NORMAL, ANOMALY}) == 2:
                raise LineError("bad-line", "it calls the picture both normal and anomaly")
        except LineError as error:
            faults.add_error(where, error)
            continue
        label = next(iter(names & {NORMAL, ANOMALY}), None)
        if names and label is None:
            faults.add("not-a-class", where, f"its class-name is {shown(min(names), longest=60)}")
        yield Row(reference=line.get(SOURCE_KEY), label=label, where=where, drawn=drawn_on(line, faults, where=where))


def _class_names(line: Mapping[str, object]) -> set[str]:
    """Every class name that people gave the picture, in lower case."""
    names = set()
    for key, metadata in line.items():
        # "-detected" is what a model said, in the evaluation manifests that the service wrote.
        if not key.endswith(METADATA) or key.endswith("-detected" + METADATA) or not isinstance(metadata, dict):
            continue
        if metadata.get("type", CLASSIFICATION) == CLASSIFICATION and "class-name" in metadata:
            names.add(str(metadata["class-name"]).strip().casefold())
    return names
