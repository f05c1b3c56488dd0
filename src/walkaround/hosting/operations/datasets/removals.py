"""Entries taken out of a dataset, and put back: their lines are kept for a day, so that nothing is lost by a wrong click."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.formats.lookout import SOURCE_KEY
from walkaround.errors import NotFoundError
from walkaround.hosting.operations.datasets.datasets import require_ready, update_dataset_entries
from walkaround.hosting.operations.datasets.gallery import lines_of
from walkaround.hosting.operations.rows import Reply, find_dataset, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.checks import Removal
from walkaround.store.tables import Dataset, Entry, now

_AT_ONCE = 500
_KEPT_DAYS = 1


def remove_pictures(session: Session, owner: Owner, *, project_name: str, dataset_type: str, ids: Sequence[int]) -> Reply:
    """Take entries out of a dataset, all of them or none; the pictures stay in their bucket.

    Returns:
        How many there were, and the number under which they can be put back.

    Raises:
        NotFoundError: there is no such project, dataset or entry.
        ConflictError: the dataset is being changed.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    require_ready(project, dataset)
    found = lines_of(session, dataset, ids)
    content = "".join(f"{line}\n" for _, _, line in found).encode()
    removal = Removal(dataset_id=dataset.id, pictures=len(found), content=content)
    session.add(removal)
    for start in range(0, len(found), _AT_ONCE):
        some = [number for number, _, _ in found[start : start + _AT_ONCE]]
        session.execute(delete(Entry).where(Entry.id.in_(some)).execution_options(synchronize_session=False))
    labels = [label for _, label, _ in found]
    dataset.total -= len(found)
    dataset.normal -= labels.count(NORMAL)
    dataset.anomaly -= labels.count(ANOMALY)
    dataset.status, dataset.message, dataset.updated = "UPDATE_COMPLETE", "", now()
    if dataset.total == 0:
        dataset.bucket = None
    forgotten = delete(Removal).where(Removal.created < now() - timedelta(days=_KEPT_DAYS))
    session.execute(forgotten.execution_options(synchronize_session=False))
    session.flush()
    return {"Pictures": len(found), "Removal": removal.id}


def put_back(session: Session, owner: Owner, *, project_name: str, dataset_type: str, number: int) -> Reply:
    """Have a job put entries back that were taken out, with the labels that they had.

    Pictures that came again meanwhile keep the labels that they have now. The lines stay for their day: if the job cannot put
    them back, nothing is lost.

    Raises:
        NotFoundError: there is no such project or dataset, or nothing can be put back under this number any more.
        ConflictError: the dataset is being changed.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    require_ready(project, dataset)
    removal = session.scalars(select(Removal).filter_by(id=number, dataset_id=dataset.id)).one_or_none()
    lines = [] if removal is None else _not_there(session, dataset, removal.content)
    if not lines:
        raise NotFoundError(
            f"There is nothing to put back under {number} into the {dataset_type} dataset of project {project_name!r}:"
            " it was done already, or was longer ago than a day. Upload the pictures again.",
            resource_id=f"{project_name}/{dataset_type}",
            resource_type="DATASET",
        )
    return update_dataset_entries(
        session, owner, project_name=project_name, dataset_type=dataset_type, changes=b"\n".join(lines)
    )


def _not_there(session: Session, dataset: Dataset, content: bytes) -> list[bytes]:
    """Those of the lines whose pictures the dataset has not."""
    lines = content.removesuffix(b"\n").split(b"\n")  # a line may have a carriage return in it
    by_picture = {str(json.loads(line)[SOURCE_KEY]): line for line in lines}
    refs = list(by_picture)
    for start in range(0, len(refs), _AT_ONCE):
        some = Entry.source_ref.in_(refs[start : start + _AT_ONCE])
        for ref in session.scalars(select(Entry.source_ref).where(Entry.dataset_id == dataset.id, some)):
            del by_picture[ref]
    return list(by_picture.values())
