"""One picture of a dataset, labelled at once: without a job, but with the same checks and counts, and over nobody's work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import DatasetError, NotFoundError, ValidationError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.datasets.entries import apply_lines
from walkaround.hosting.operations.datasets.place_labels import MASKS
from walkaround.hosting.operations.lines.drawn_lines import version_of
from walkaround.hosting.operations.lines.manifest_lines import parse_lines
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import Entry, now


class StaleVersionError(Exception):
    """The entry is not as it was when it was looked at; never leaves the doors."""


def find_entry(session: Session, owner: Owner, *, project_name: str, dataset_type: str, picture: str) -> Entry:
    """The entry of a picture.

    Raises:
        NotFoundError: there is no such project, dataset or picture.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    entry = session.scalars(select(Entry).filter_by(dataset_id=dataset.id, source_ref=picture)).one_or_none()
    if entry is None:
        raise NotFoundError(
            f"The {dataset_type} dataset of project {project_name!r} has no picture {picture!r}: upload it, or correct its"
            " address.",
            resource_id=f"{project_name}/{dataset_type}",
            resource_type="DATASET",
        )
    return entry


def shown_labels(entry: Entry) -> tuple[str, ...] | None:
    """The labels that the masks of an entry show, as they were found when it came; None where there are none."""
    shown = (entry.places or {}).get(MASKS)
    return None if shown is None else tuple(shown)


def replace_line(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    dataset_type: str,
    members: Mapping[str, Any],
    version: str,
    shown: Sequence[str] | None,
    settings: Settings,
) -> None:
    """Put a line in the place of the one about the same picture, in this transaction.

    Args:
        session: of a transaction.
        owner: whose dataset it is.
        project_name: its project.
        dataset_type: train or test.
        members: the line.
        version: of the line that it was made from.
        shown: the labels that its masks show; None where it has no masks.
        settings: the limits.

    Raises:
        NotFoundError: there is no such project, dataset or picture.
        ConflictError: the dataset is being changed by a job.
        StaleVersionError: the line is another one by now.
        ValidationError: the line cannot be used, or the project would have too many anomaly labels.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    require_ready(project, dataset)
    picture = str(members["source-ref"])
    entry = find_entry(session, owner, project_name=project_name, dataset_type=dataset_type, picture=picture)
    if version_of(entry.line) != version:
        raise StaleVersionError
    try:
        lines = parse_lines(json.dumps(members).encode(), bucket=dataset.bucket)
        told = {ref: replace(line, shown=None if shown is None else tuple(shown)) for ref, line in lines.items()}
        apply_lines(session, dataset, told, settings=settings)
    except DatasetError as problem:
        raise ValidationError(f"The picture cannot be labelled so. {problem}") from problem
    dataset.status, dataset.message, dataset.updated = "UPDATE_COMPLETE", "", now()
