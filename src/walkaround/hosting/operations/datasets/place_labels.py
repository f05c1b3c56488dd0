"""Anomaly labels: those that were drawn on the pictures of a project, few enough of them, and each shown often enough."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from walkaround.damage.places import labels_of
from walkaround.errors import ConflictError, DatasetError
from walkaround.hosting.operations.lines.manifest_lines import Line
from walkaround.hosting.operations.lines.place_lines import MOST_LABELS
from walkaround.store.tables import Dataset, Entry, Project

MASKS, BOXES = "masks", "boxes"
LEAST_ALONE, LEAST_IN_TWO = 20, 10
"""Pictures of a dataset that have to show an anomaly label and no other: where it is the only one, and of each of two."""
_TOLD = 5


def drawn_labels(line: Line) -> dict[str, Any] | None:
    """What an entry keeps of a line: the labels drawn by masks, and those drawn by boxes; None where nobody drew."""
    drawn: dict[str, Any] = {}
    if line.masks:
        shown = line.shown if line.shown is not None else sorted({name for one in line.masks for name in one.colours.values()})
        drawn[MASKS] = list(shown)
    if line.boxes is not None:
        drawn[BOXES] = list(labels_of(line.boxes))
    return drawn or None


def require_few_labels(session: Session, dataset: Dataset, lines: Mapping[str, Line]) -> None:
    """Check that a project has no more anomaly labels than it may with these lines, in place of those about the same pictures.

    Raises:
        DatasetError: it has.
    """
    new = {label for line in lines.values() for label in _labels(drawn_labels(line))}
    if not new:
        return
    if dataset.project_id is not None and len(new | labels_drawn(session, dataset.project_id)) <= MOST_LABELS:
        return
    siblings = select(Dataset.id).where(Dataset.project_id == dataset.project_id)
    query = select(Entry.dataset_id, Entry.source_ref, Entry.places).where(
        Entry.dataset_id.in_(siblings), Entry.places.is_not(None)
    )
    for number, ref, places in session.execute(query.execution_options(yield_per=1_000)):
        if number != dataset.id or ref not in lines:
            new.update(_labels(places))
    if len(new) > MOST_LABELS:
        raise DatasetError(
            f"The project would have {len(new):,} anomaly labels, and {MOST_LABELS} are allowed: draw some under one name."
        )


def labels_drawn(session: Session, project_id: int) -> set[str]:
    """The anomaly labels that are drawn on the pictures of a project. Few entries differ in them, so few are opened."""
    datasets = select(Dataset.id).where(Dataset.project_id == project_id)
    query = select(cast(Entry.places, Text)).where(Entry.dataset_id.in_(datasets), Entry.places.is_not(None)).distinct()
    return {label for places in session.scalars(query) for label in _labels(json.loads(places))}


def require_enough_labelled(session: Session, project: Project, train: Dataset, test: Dataset | None) -> None:
    """Check that every anomaly label of masks is shown alone by enough pictures to learn and to measure it.

    Raises:
        ConflictError: one is not.
    """
    datasets = [train] if test is None else [train, test]
    least = LEAST_ALONE if test is None else LEAST_IN_TWO
    drawn = {one.kind: list(_mask_labels(session, one)) for one in datasets}
    labels = sorted({label for some in drawn.values() for shown in some for label in shown})
    for one in datasets:
        alone = Counter(shown[0] for shown in drawn[one.kind] if len(shown) == 1)
        few = [f"{label!r} by {alone[label]}" for label in labels if alone[label] < least]
        if few:
            told = ", ".join(few[:_TOLD]) + (f" and {len(few) - _TOLD} more" if len(few) > _TOLD else "")
            raise ConflictError(
                f"In the {one.kind} dataset of project {project.name!r} too few pictures show an anomaly label and no other:"
                f" {told}. A model needs at least {least} for each label: draw more masks, or draw rare labels under one name.",
                resource_id=f"{project.name}/{one.kind}",
                resource_type="DATASET",
            )


def boxed_pictures(session: Session, dataset: Dataset) -> int:
    """How many pictures of a dataset show a box."""
    query = select(Entry.places).where(Entry.dataset_id == dataset.id, Entry.places.is_not(None))
    return sum(bool(places.get(BOXES)) for places in session.scalars(query.execution_options(yield_per=1_000)) if places)


def _mask_labels(session: Session, dataset: Dataset) -> Iterator[list[str]]:
    query = select(Entry.places).where(Entry.dataset_id == dataset.id, Entry.label.is_not(None), Entry.places.is_not(None))
    for places in session.scalars(query.execution_options(yield_per=1_000)):
        if places and places.get(MASKS):
            yield places[MASKS]


def _labels(places: Mapping[str, Any] | None) -> Iterable[str]:
    return [label for some in (places or {}).values() for label in some]
