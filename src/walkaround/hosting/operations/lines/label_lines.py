"""What a line says of the labelling itself: damage types of the whole picture, who labelled it, and what a review said.

Damage types stand there as Ground Truth writes a multi-label image classification. Who labelled is the member `worker` of an
attribute's metadata. A review is an attribute of our own, whose metadata are of Ground Truth's type for label verifications.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal
from walkaround.hosting.operations.lines.place_lines import DETECTION, METADATA, SEGMENTATION
from walkaround.store.tables import now

REVIEW_KEY = "walkaround-review"
"""The attribute that says what a second person thinks of the labels."""
Verdict = Literal["accepted", "adjusted", "sent_back"]
VERDICTS: tuple[Verdict, ...] = ("accepted", "adjusted", "sent_back")
State = Literal["unlabelled", "to_review", "accepted", "adjusted", "sent_back"]
"""How far a picture is: labelled by nobody, by one person, or reviewed by another."""

CLASSIFICATION = "groundtruth/image-classification"
MULTI_LABEL = "groundtruth/image-classification-multilabel"
VERIFICATION = "groundtruth/label-verification"
LONGEST_WORKER = 100
LONGEST_NOTE = 500
_KINDS_KEY, _LABEL_KEY = "anomaly-kinds", "anomaly-label"
_WORKER, _DATE = "worker", "creation-date"
_BY_HAND = (CLASSIFICATION, MULTI_LABEL, DETECTION, SEGMENTATION)
_MOST_KINDS, _LONGEST_KIND = 100, 100


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a second person said of the labels of a picture.

    Attributes:
        verdict: accepted as they were, adjusted, or sent back.
        by: who said it; None where that is not told.
        at: when, as it stands in the line.
        note: what the reviewer wrote.
        labelled_by: who had labelled it.
        label_before: the picture's label that was reviewed.
        iou: how well the places that were reviewed lie on those that are there now, 0 to 1; None where nothing was drawn.
        unchanged: whether the first labels were accepted as they were.
        returned: whether the picture was sent back, by this review or by one before it.
        answered: whether a picture that was sent back has been labelled again since.
    """

    verdict: Verdict
    by: str | None = None
    at: str | None = None
    note: str = ""
    labelled_by: str | None = None
    label_before: str | None = None
    iou: float | None = None
    unchanged: bool = False
    returned: bool = False
    answered: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values for a row."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def provenance(worker: str | None) -> dict[str, Any]:
    """The members of metadata that tell who labelled, and when."""
    by = {} if worker is None else {_WORKER: worker[:LONGEST_WORKER]}
    return {"human-annotated": "yes", _DATE: now().strftime("%Y-%m-%dT%H:%M:%S.%f"), "job-name": "walkaround", **by}


def label_members(label: str, *, worker: str | None = None) -> dict[str, Any]:
    """The members of a line that call a picture normal or anomaly."""
    metadata = {"class-name": label, "confidence": 1.0, "type": CLASSIFICATION, **provenance(worker)}
    return {_LABEL_KEY: int(label == ANOMALY), _LABEL_KEY + METADATA: metadata}


def with_kinds(line: Mapping[str, Any], kinds: Sequence[str], *, worker: str | None = None) -> dict[str, Any]:
    """The line with these damage types of the whole picture instead of those it had; none: nobody says which."""
    dropped = {name for key in _kind_keys(line) for name in (key, key + METADATA)}
    kept = {key: value for key, value in line.items() if key not in dropped}
    if not kinds:
        return kept
    names = sorted(dict.fromkeys(kinds))
    numbers = list(range(len(names)))
    metadata = {
        "class-map": {str(number): name for number, name in zip(numbers, names, strict=True)},
        "confidence-map": {str(number): 1.0 for number in numbers},
        "type": MULTI_LABEL,
        **provenance(worker),
    }
    return {**kept, _KINDS_KEY: numbers, _KINDS_KEY + METADATA: metadata}


def kinds_of(line: Mapping[str, Any]) -> list[str]:
    """The damage types that people gave a whole picture, sorted; what cannot be read of them is left out."""
    found: set[str] = set()
    for key in _kind_keys(line):
        names = line[key + METADATA].get("class-map")
        for number in line[key] if isinstance(line[key], list) else []:
            name = names.get(str(number)) if isinstance(names, dict) else None
            if isinstance(name, str) and 0 < len(name.strip()) <= _LONGEST_KIND and name.isprintable():
                found.add(name.strip())
    return sorted(found)[:_MOST_KINDS]


def damage_kinds(line: Mapping[str, Any]) -> tuple[str, ...]:
    """The same without names that say nothing of which damage it is."""
    return tuple(name for name in kinds_of(line) if name != ANOMALY and not means_normal(name))


def label_by_kinds(line: Mapping[str, Any]) -> str | None:
    """What a multi-label job says of the whole picture: that there is no damage where it names none; None: there was no job."""
    if damage_kinds(line):
        return ANOMALY
    return NORMAL if any(isinstance(line[key], list) for key in _kind_keys(line)) else None


def labelled_by(line: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Who labelled the picture last, and when; None where the line does not tell."""
    told = [
        (str(metadata.get(_DATE, ""))[:40], metadata.get(_WORKER))
        for key, metadata in line.items()
        if key.endswith(METADATA) and isinstance(metadata, dict) and metadata.get("type") in _BY_HAND
    ]
    at, worker = max(told, key=lambda one: one[0], default=("", None))
    return _text(worker), at or None


def review_of(line: Mapping[str, Any]) -> Review | None:
    """What a second person said of the labels; None where nobody did, or it cannot be read."""
    metadata = line.get(REVIEW_KEY + METADATA)
    if not isinstance(metadata, dict) or metadata.get("class-name") not in VERDICTS:
        return None
    iou = metadata.get("iou")
    feedback = metadata.get("worker-feedback")
    first = feedback[0] if isinstance(feedback, list) and feedback and isinstance(feedback[0], dict) else {}
    before = metadata.get("label-before")
    return Review(
        verdict=metadata["class-name"],
        by=_text(metadata.get(_WORKER)),
        at=str(metadata.get(_DATE, ""))[:40] or None,
        note=str(first.get("comment", ""))[:LONGEST_NOTE],
        labelled_by=_text(metadata.get("labelled-by")),
        label_before=before if before in ("normal", "anomaly") else None,
        iou=float(iou) if isinstance(iou, int | float) and not isinstance(iou, bool) and 0 <= iou <= 1 else None,
        unchanged=metadata.get("unchanged") is True,
        returned=metadata.get("returned") is True,
        answered=metadata.get("answered") is True,
    )


def reviewed(line: Mapping[str, Any], review: Review | None) -> dict[str, Any]:
    """The line with this review instead of the one that it had."""
    kept = {key: value for key, value in line.items() if key not in (REVIEW_KEY, REVIEW_KEY + METADATA)}
    if review is None:
        return kept
    told = {
        "class-name": review.verdict,
        "confidence": 1.0,
        "type": VERIFICATION,
        **provenance(review.by),
        **({} if review.at is None else {_DATE: review.at}),
        **({"worker-feedback": [{"comment": review.note}]} if review.note else {}),
        **({} if review.labelled_by is None else {"labelled-by": review.labelled_by}),
        **({} if review.label_before is None else {"label-before": review.label_before}),
        **({} if review.iou is None else {"iou": round(review.iou, 4)}),
        "unchanged": review.unchanged,
        **({"returned": True} if review.returned else {}),
        **({"answered": True} if review.answered else {}),
    }
    return {**kept, REVIEW_KEY: VERDICTS.index(review.verdict), REVIEW_KEY + METADATA: told}


def relabelled(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line after somebody labelled it again: what was accepted is to be reviewed anew, what was sent back is answered."""
    former = review_of(line)
    if former is None or former.verdict != "sent_back":
        return reviewed(line, None)
    return reviewed(line, Review(**{**former.as_json(), "answered": True}))


def state_of(label: str | None, review: Review | None) -> State:
    """How far a picture is."""
    if label is None:
        return "unlabelled"
    return "to_review" if review is None or review.answered else review.verdict


def _kind_keys(line: Mapping[str, Any]) -> Iterator[str]:
    for key in line:
        metadata = line.get(key + METADATA)
        if isinstance(metadata, dict) and metadata.get("type") == MULTI_LABEL:
            yield key


def _text(value: object) -> str | None:
    return value[:LONGEST_WORKER] if isinstance(value, str) and value.strip() and value.isprintable() else None
