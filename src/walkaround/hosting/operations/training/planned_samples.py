"""The entries of a project's datasets as a training takes them, without their pictures: what a plan is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import NORMAL
from walkaround.damage.places import MaskFile, Place
from walkaround.datasets.sample import Sample, Split
from walkaround.hosting.operations.datasets.place_labels import BOXES, MASKS
from walkaround.hosting.operations.lines.label_lines import MULTI_LABEL, damage_kinds
from walkaround.media.facts import PictureFacts
from walkaround.store.tables import Dataset, Entry

_BOX = (0.0, 0.0, 1.0, 1.0)
_MASK = MaskFile(path=Path("mask"), colour="#000000")
_NAMES_KINDS = MULTI_LABEL.rpartition("/")[2]  # some writers escape the slash


class PlannedSample(NamedTuple):
    """A labelled entry, and the damage types that people named on its picture."""

    sample: Sample
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Drawn:
    """Whether anybody drew on some samples."""

    samples: Sequence[Sample]

    @property
    def has_masks(self) -> bool:
        """Whether anybody drew a mask."""
        return any(place.outline is not None for sample in self.samples for place in sample.places or ())

    @property
    def has_boxes(self) -> bool:
        """Whether anybody drew a box."""
        return any(place.box is not None for sample in self.samples for place in sample.places or ())


def planned_samples(session: Session, dataset: Dataset | None, split: Split) -> Iterator[PlannedSample]:
    """The labelled entries of a dataset, which are those that a training uses, with what was drawn and named on them."""
    if dataset is None:
        return
    line = case((Entry.line.contains(_NAMES_KINDS), Entry.line))  # the lines of all others need not be read
    query = select(Entry.id, Entry.label, Entry.places, line).where(Entry.dataset_id == dataset.id, Entry.label.is_not(None))
    for number, label, drawn, text in session.execute(query.order_by(Entry.id).execution_options(yield_per=1_000)):
        sample = Sample(path=Path(str(number)), label=label, split=split, places=_places(label, drawn))
        yield PlannedSample(sample, () if text is None else damage_kinds(json.loads(text)))


def _places(label: str, drawn: dict[str, Any] | None) -> tuple[Place, ...] | None:
    """As the training takes them: see `training_places.with_places`."""
    if drawn is None:
        return () if label == NORMAL else None
    boxes = [Place(label=name, box=_BOX) for name in drawn.get(BOXES, ())]
    masks = [Place(label=name, box=None, outline=_MASK) for name in drawn.get(MASKS, ())]
    return (*boxes, *masks)


def unseen_fact(sample: Sample) -> PictureFacts:
    """Of a picture that nobody looked at."""
    return PictureFacts(
        path=sample.path,
        width=1,
        height=1,
        format="JPEG",
        pages=1,
        bytes=1,
        jpeg_quality=None,
        sharpness=0.0,
        detail=0.0,
        brightness=0.0,
        contrast=0.0,
        colourfulness=0.0,
        sha256=str(sample.path),
        dhash=0,
        thumbnail=b"",
        measures={},
    )
