"""From the bytes of a manifest, or of a change, to entries, or to one sentence that says which lines are wrong.

A line is a JSON object as SageMaker Ground Truth writes them. `source-ref` names the picture; the label is the `class-name` in
the metadata of a classification, under an attribute of any name. The number beside it is ignored: real clients invert it.
What a line says of masks and boxes is read in `place_lines`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from walkaround.damage.kinds import ANOMALY, NORMAL, shows_damage
from walkaround.damage.places import Place
from walkaround.datasets.faults import shown
from walkaround.datasets.formats.lookout import SOURCE_KEY
from walkaround.errors import DatasetError
from walkaround.hosting.operations.lines.label_lines import Review, damage_kinds, label_by_kinds, labelled_by, review_of
from walkaround.hosting.operations.lines.place_lines import LineFault, Mask, boxes_of, checked_ref, masks_of

NAME_KEY = "walkaround-name"
"""The key of a line that holds the sender's name for the picture."""

_S3 = "s3://"
_METADATA = "-metadata"
_DETECTED = "-detected-metadata"
_CLASSIFICATION = "groundtruth/image-classification"
_SHORTEST = 2
LONGEST_NAME = 200
LONGEST_LINE = 8192
"""Characters."""
_TOLD = 5
_MOST_FAULTS = 1_000
_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"\S[^\n]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What one line says.

    Attributes:
        source_ref: the picture, s3://bucket/key.
        label: normal or anomaly; None: unlabelled. Where damage was drawn or named and nobody said which, it is anomaly.
        text: the line itself, as it was given.
        number: of the line, from 1.
        masks: the masks that it names.
        shown: the anomaly labels that the masks really show, sorted; None where nobody has opened them yet.
        boxes: the boxes that were drawn; None where nobody was asked to.
        worker: who labelled it; None where the line does not tell.
        review: what a second person said of its labels; None where nobody did.
        kinds: the damage types that people named on the whole picture, sorted.
    """

    source_ref: str
    label: str | None
    text: str
    number: int = 1
    masks: tuple[Mask, ...] = ()
    shown: tuple[str, ...] | None = None
    boxes: tuple[Place, ...] | None = None
    worker: str | None = None
    review: Review | None = None
    kinds: tuple[str, ...] = ()

    @property
    def bucket(self) -> str:
        """The bucket that holds the picture."""
        return self.source_ref.removeprefix(_S3).partition("/")[0]


def parse_lines(content: bytes, *, bucket: str | None = None, at_most: int | None = None) -> dict[str, Line]:
    """Read all lines of a manifest; of several lines about one picture the last one counts.

    That takes up to half a minute: do it outside of transactions that write.

    Args:
        content: UTF-8 text, a JSON object on each line that is not blank.
        bucket: the one that all pictures must be in; None: any one bucket.
        at_most: pictures; None: any number.

    Returns:
        Lines by the picture they are about, in the order in which the pictures were first met.

    Raises:
        DatasetError: a line cannot be used, or names a picture in another bucket; or there is no line; or there are too
            many pictures.
    """
    lines: dict[str, Line] = {}
    faults: list[str] = []
    wrong = 0
    for number, raw in _split(content):
        try:
            line = _parse(raw, number)
            bucket = bucket or line.bucket
            if line.bucket != bucket:
                raise LineFault(f"its picture is in bucket {line.bucket!r}, and those of the dataset are in {bucket!r}")
            lines[line.source_ref] = line
        except LineFault as fault:
            wrong += 1
            if wrong <= _TOLD:
                faults.append(f"line {number}: {fault}")
        if wrong == _MOST_FAULTS or (at_most is not None and len(lines) > at_most):
            break
    if wrong:
        more = f"; and {wrong - _TOLD:,} more lines" if wrong > _TOLD else ""
        unread = f" (not read further than line {number:,})" if wrong == _MOST_FAULTS else ""
        raise DatasetError(f"Lines cannot be used: {'; '.join(faults)}{more}{unread}. Correct them and try again.")
    if at_most is not None and len(lines) > at_most:
        raise DatasetError(
            f"There are more than {at_most:,} pictures, and {at_most:,} are allowed: take some out, or have that limit raised."
        )
    if not lines:
        raise DatasetError("There is no line: give a JSON object with source-ref on each line.")
    return lines


def _parse(raw: bytes, number: int) -> Line:
    try:
        text = raw.decode("utf-8") if len(raw) <= 4 * LONGEST_LINE else None
    except UnicodeDecodeError:
        raise LineFault("it is not UTF-8 text") from None
    if text is None:  # decoded, it would take up to four times its size
        raise LineFault(f"it has {len(raw):,} bytes, and {_SHORTEST} to {LONGEST_LINE:,} characters are allowed")
    if not _SHORTEST <= len(text) <= LONGEST_LINE:
        raise LineFault(f"it has {len(text):,} characters, and {_SHORTEST} to {LONGEST_LINE:,} are allowed")
    try:
        members = json.loads(text, parse_float=_finite, parse_constant=_finite)
        _require_text(text, members)
    except (ValueError, RecursionError):  # RecursionError: brackets nested by the thousand
        raise LineFault("it is not JSON") from None
    if not isinstance(members, dict):
        raise LineFault("it is no JSON object")
    source_ref, label, boxes = checked_ref(SOURCE_KEY, members.get(SOURCE_KEY)), _label(members), boxes_of(members)
    damaged = [box.label for box in boxes or () if shows_damage(box.label)]
    if damaged and label == NORMAL:
        raise LineFault(f"it calls the picture normal, and a box says {damaged[0]!r}")
    kinds = damage_kinds(members)
    if kinds and label == NORMAL:
        raise LineFault(f"it calls the picture normal, and names {kinds[0]!r}")
    if label is None:
        label = ANOMALY if damaged else label_by_kinds(members)
    return Line(
        source_ref=source_ref,
        label=label,
        text=text,
        number=number,
        masks=masks_of(members),
        boxes=boxes,
        worker=labelled_by(members)[0],
        review=review_of(members),
        kinds=kinds,
    )


def stored_line(text: str) -> Line:
    """A line that was accepted before; boxes and masks in it that cannot be read, which once nobody looked at, are left out."""
    try:
        return _parse(text.encode(), 1)
    except LineFault:
        members = json.loads(text)
        return Line(source_ref=str(members[SOURCE_KEY]), label=_label(members), text=text, kinds=damage_kinds(members))


def name_in(text: str) -> str | None:
    """What the sender called the picture of a line that was accepted; None where it says nothing of that."""
    if NAME_KEY not in text:
        return None
    name = json.loads(text).get(NAME_KEY)
    return name.replace("\0", "")[:LONGEST_NAME] if isinstance(name, str) else None


def source_bucket(source_ref: object) -> str:
    """The bucket that a source reference names.

    Raises:
        DatasetError: it is not s3://bucket/key.
    """
    try:
        return Line(source_ref=checked_ref(SOURCE_KEY, source_ref), label=None, text="").bucket
    except LineFault as fault:
        raise DatasetError(f"A picture cannot be used: {fault}.") from None


def label_attribute(members: Mapping[str, Any]) -> str | None:
    """The attribute that labels the picture of a line: the first classification by a person as normal or anomaly.

    Its class is in the metadata, which have the attribute's name with "-metadata" behind it. Metadata that have no type are
    taken for those of a classification.
    """
    return next(_label_attributes(members), None)


def label_of(members: Mapping[str, Any], attribute: str) -> str:
    """The class that a label attribute names: normal or anomaly."""
    return str(members[attribute + _METADATA]["class-name"]).strip().casefold()


def _label_attributes(members: Mapping[str, Any]) -> Iterator[str]:
    for key, metadata in members.items():
        # "-detected" is what a model said, in the evaluation manifests that the service wrote.
        if not key.endswith(_METADATA) or key.endswith(_DETECTED) or not isinstance(metadata, dict):
            continue
        name = str(metadata.get("class-name", "")).strip().casefold()
        if metadata.get("type", _CLASSIFICATION) == _CLASSIFICATION and name in (NORMAL, ANOMALY):
            yield key.removesuffix(_METADATA)


def _split(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers, one after the other: a list of all would be large."""
    number, counted = 1, 0
    for match in _LINE.finditer(content, len(_BOM) if content.startswith(_BOM) else 0):
        number += content.count(b"\n", counted, match.start())
        counted = match.start()
        yield number, match[0].rstrip()


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise LineFault(f"its number {shown(text)} is not finite")
    return number


def _require_text(text: str, members: object) -> None:
    """Refuse halves of surrogate pairs, which only an escape can bring: no file can be written with them."""
    if "\\u" not in text:
        return
    try:
        json.dumps(members, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise LineFault("it has half of a surrogate pair (\\ud800 to \\udfff), which is no UTF-8 text") from None


def _label(members: Mapping[str, Any]) -> str | None:
    names = {label_of(members, attribute) for attribute in _label_attributes(members)}
    if len(names) == 2:
        raise LineFault("it calls the picture both normal and anomaly")
    attribute = label_attribute(members)
    return None if attribute is None else label_of(members, attribute)
