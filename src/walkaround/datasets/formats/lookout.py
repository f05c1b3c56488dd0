"""Manifests of Amazon Lookout for Vision: JSON lines as SageMaker Ground Truth writes them.

A line holds `source-ref` (the picture), and for a labelled picture `<name>` (a number, ignored) with `<name>-metadata`, whose
`class-name` is normal or anomaly. Real manifests break the written rules, so only these are demanded; a line without a label,
or with any other class name, is an unlabelled picture, as it was there. Boxes and masks are read by `ground_truth`.

A multi-label job of Ground Truth gives a list of class numbers, with the `class-map` of `<name>-metadata`: these names are the
picture's labels, whatever they are, and an empty list says that nothing is to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal
from walkaround.datasets.faults import Faults, LineError, shown
from walkaround.datasets.formats.ground_truth import METADATA, drawn_on
from walkaround.datasets.formats.json_lines import objects_in
from walkaround.datasets.formats.references import Row
from walkaround.datasets.labels import First, labels_of

SOURCE_KEY = "source-ref"
CLASSIFICATION = "groundtruth/image-classification"
MULTILABEL = "groundtruth/image-classification-multilabel"


def read_lookout(path: Path, faults: Faults) -> Iterator[Row]:
    """Yield the lines of a manifest; those that cannot be used go to `faults`."""
    for where, line in objects_in(path, faults):
        try:
            names, several = _class_names(line), _several(line)
            if len(names & {NORMAL, ANOMALY}) == 2:
                raise LineError("bad-line", "it calls the picture both normal and anomaly")
            label, also = _agreed(next(iter(names & {NORMAL, ANOMALY}), None), several)
        except LineError as error:
            faults.add_error(where, error)
            continue
        if names and label is None:
            faults.add("not-a-class", where, f"its class-name is {shown(min(names), longest=60)}")
        drawn = drawn_on(line, faults, where=where)
        yield Row(reference=line.get(SOURCE_KEY), label=label, also=also, where=where, drawn=drawn)


def _several(line: Mapping[str, object]) -> list[str] | None:
    """The names that multi-label jobs gave the picture; None where there was none.

    Raises:
        LineError: a class number has no name.
    """
    asked, found = False, []
    for key, metadata in line.items():
        value = line.get(key.removesuffix(METADATA))
        if not key.endswith(METADATA) or not isinstance(metadata, dict) or metadata.get("type") != MULTILABEL:
            continue
        names = metadata.get("class-map")
        if not isinstance(value, list):
            raise LineError("bad-label", f"its labels {shown(value, longest=60)} are no list of class numbers")
        asked = True
        for number in value:
            name = names.get(str(number)) if isinstance(names, dict) else None
            if not isinstance(name, str):
                raise LineError("bad-label", f"its class number {shown(number, longest=20)} is not in the class-map")
            found.append(name)
    return found if asked else None


def _agreed(label: str | None, several: list[str] | None) -> First:
    """What a classification job and a multi-label job say together.

    Raises:
        LineError: the one says normal, and the other names damage.
    """
    if not several:
        return (label or NORMAL, ()) if several is not None else (label, ())
    found = labels_of(several)
    if label == NORMAL and not all(map(means_normal, several)):
        raise LineError("bad-line", f"it calls the picture normal, and names {', '.join(map(repr, several))}")
    return found


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
