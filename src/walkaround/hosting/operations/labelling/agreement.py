"""How far those who review agree with those who label: of a dataset, and of each person who labelled."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.damage.places import Box, Place
from walkaround.datasets.outlines import box_of, mask_of
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Entry

_FEWEST = 10
_LONGEST_SIDE = 512  # of the grid on which outlines are compared


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What the reviews of pictures say.

    Attributes:
        reviewed: pictures with a review.
        unchanged: of these, those whose first labels were accepted as they were.
        adjusted: those that the reviewer changed.
        sent_back: those that were sent back at some time.
        mean_iou: how well places of adjusted pictures lay on those that replaced them; None where nothing was drawn.
        kappa: Cohen's kappa of the picture labels, first against last; None where only one label was given, or of fewer
            than ten pictures, of which it says nothing.
    """

    reviewed: int
    unchanged: int
    adjusted: int
    sent_back: int
    mean_iou: float | None
    kappa: float | None

    @property
    def share(self) -> float | None:
        """Unchanged among reviewed; None where nothing was reviewed."""
        return self.unchanged / self.reviewed if self.reviewed else None


Row = tuple[Mapping[str, Any], str | None]
"""A review as a row keeps it, and the label that the picture has now."""


def agreement_of(
    session: Session, owner: Owner, *, project_name: str, dataset_type: str
) -> tuple[Agreement, dict[str | None, Agreement]]:
    """The agreement on a dataset, and on what each person labelled.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    query = select(Entry.review, Entry.label).where(Entry.dataset_id == dataset.id, Entry.review.is_not(None))
    rows: list[Row] = [(review, label) for review, label in session.execute(query.execution_options(yield_per=1_000)) if review]
    people: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        people[row[0].get("labelled_by")].append(row)
    return told(rows), {person: told(some) for person, some in people.items()}


def told(rows: Sequence[Row]) -> Agreement:
    """The numbers of some reviews."""
    verdicts = Counter(review["verdict"] for review, _ in rows)
    overlaps = [review["iou"] for review, _ in rows if review["verdict"] == "adjusted" and review.get("iou") is not None]
    pairs = [
        (str(review["label_before"]), label)
        for review, label in rows
        if review.get("label_before") and label and (review["verdict"] != "sent_back" or review.get("answered"))
    ]
    return Agreement(
        reviewed=len(rows),
        unchanged=sum(bool(review["unchanged"]) for review, _ in rows),
        adjusted=verdicts["adjusted"],
        sent_back=sum(bool(review["returned"]) for review, _ in rows),
        mean_iou=float(np.mean(overlaps)) if overlaps else None,
        kappa=cohens_kappa(pairs) if len(pairs) >= _FEWEST else None,
    )


def cohens_kappa(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Agreement of two people on categories, beyond what chance gives: 1 is perfect, 0 is chance.

    None where there is no pair, or both gave one and the same category to everything: chance alone explains that.
    """
    found = list(pairs)
    if not found:
        return None
    total = len(found)
    observed = sum(first == second for first, second in found) / total
    firsts, seconds = Counter(first for first, _ in found), Counter(second for _, second in found)
    expected = sum(firsts[name] * seconds[name] for name in firsts) / total**2
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def overlap(before: Sequence[Place], after: Sequence[Place], *, width: int, height: int) -> float | None:
    """Mean IoU of the places of a picture before and after a review, 0 to 1; None where there are none in either.

    Places of one label are paired, the best first; what has no partner counts 0. Two boxes are compared as boxes, all else
    by its pixels.
    """
    if not before and not after:
        return None
    scale = min(1.0, _LONGEST_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    pairs = sorted(
        (
            (-_iou(one, other, (width, height), size), i, j)
            for i, one in enumerate(before)
            for j, other in enumerate(after)
            if one.label == other.label
        ),
    )
    left, right = set(range(len(before))), set(range(len(after)))
    total = 0.0
    for negative, i, j in pairs:
        if negative < 0 and i in left and j in right:
            left.discard(i)
            right.discard(j)
            total -= negative
    return total / (len(before) + len(right))


def _iou(one: Place, other: Place, original: tuple[int, int], size: tuple[int, int]) -> float:
    if one == other:
        return 1.0
    first, second = box_of(one, *original), box_of(other, *original)
    if first is None or second is None or _area(_shared(first, second)) == 0:
        return 0.0
    if one.outline is None and other.outline is None:
        shared = _area(_shared(first, second))
        return shared / (_area(first) + _area(second) - shared)
    a, b = _pixels(one, original, size), _pixels(other, original, size)
    either = int((a | b).sum())
    return int((a & b).sum()) / either if either else 0.0


def _pixels(place: Place, original: tuple[int, int], size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if place.outline is not None:
        return mask_of(place.outline, *original, size=size)
    grid = np.zeros((size[1], size[0]), dtype=np.bool_)
    left, top, right, bottom = place.box or (0.0, 0.0, 0.0, 0.0)
    across, down = size[0] / original[0], size[1] / original[1]
    grid[round(top * down) : round(bottom * down), round(left * across) : round(right * across)] = True
    return grid


def _shared(one: Box, other: Box) -> Box:
    return (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
