"""Datasets: at most one of each kind in a project; their entries are read and changed elsewhere."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.hosting.operations.attempts import with_attempts
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.rows import Reply, add_job, find_dataset, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Change, Dataset, Project, now

READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED_ROLLBACK_COMPLETE")
"""Statuses in which a dataset is whole: it can be changed and trained on."""

_MESSAGES = {
    "CREATE_IN_PROGRESS": "The dataset is being created.",
    "CREATE_COMPLETE": "The dataset is ready.",
    "CREATE_FAILED": "The dataset could not be created.",
    "UPDATE_IN_PROGRESS": "The dataset is being updated.",
    "UPDATE_COMPLETE": "The dataset was updated.",
    "UPDATE_FAILED_ROLLBACK_IN_PROGRESS": "The update failed and is being undone.",
    "UPDATE_FAILED_ROLLBACK_COMPLETE": "The update failed; the dataset is as it was before.",
    "DELETE_IN_PROGRESS": "The dataset is being deleted.",
}


def create_dataset(
    session: Session, owner: Owner, *, project_name: str, dataset_type: str, dataset_source: dict[str, Any] | None = None
) -> Reply:
    """Make a dataset: an empty one at once, one from a manifest by a job.

    Raises:
        NotFoundError: there is no such project.
        ConflictError: the project has a dataset of this kind.
        AccessDeniedError: the manifest is in the bucket of another account.
    """
    manifest = ((dataset_source or {}).get("GroundTruthManifest") or {}).get("S3Object")
    if manifest:
        require_own_bucket(owner, manifest["Bucket"])
    project = find_project(session, owner, project_name, to_change=True)
    if session.scalar(select(Dataset.id).filter_by(project_id=project.id, kind=dataset_type)):
        raise ConflictError(
            f"The project {project_name!r} has a {dataset_type} dataset already: update it, or delete it first.",
            resource_id=f"{project_name}/{dataset_type}",
            resource_type="DATASET",
        )
    status = "CREATE_IN_PROGRESS" if manifest else "CREATE_COMPLETE"
    dataset = Dataset(project_id=project.id, kind=dataset_type, status=status, source=manifest)
    session.add(dataset)
    session.flush()
    if manifest:
        add_job(session, "create_dataset", dataset.id)
    return {"DatasetMetadata": dataset_metadata(session, dataset)}


def describe_dataset(session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
    """A dataset with the numbers of its pictures.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    description = {
        "ProjectName": project_name,
        **dataset_metadata(session, dataset),
        "LastUpdatedTimestamp": dataset.updated,
        "ImageStats": {
            "Total": dataset.total,
            "Labeled": dataset.normal + dataset.anomaly,
            "Normal": dataset.normal,
            "Anomaly": dataset.anomaly,
        },
    }
    return {"DatasetDescription": description}


def delete_dataset(session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
    """Delete a dataset, whatever its status: it is gone when this returns; a job removes its entries. Pictures are kept.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    dataset.project_id = None
    dataset.status, dataset.message, dataset.updated = "DELETE_IN_PROGRESS", "", now()
    add_job(session, "delete_dataset", dataset.id)
    return {}


def update_dataset_entries(session: Session, owner: Owner, *, project_name: str, dataset_type: str, changes: bytes) -> Reply:
    """Accept lines that a job adds to the dataset, or puts in the place of lines about the same pictures: all, or none.

    Raises:
        NotFoundError: there is no such project or dataset.
        ConflictError: the dataset is not ready, so that it cannot be changed now.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    require_ready(project, dataset)
    change = Change(dataset_id=dataset.id, content=changes)
    session.add(change)
    dataset.status, dataset.message, dataset.updated = "UPDATE_IN_PROGRESS", "", now()
    session.flush()
    add_job(session, "update_dataset", change.id)
    return {"Status": dataset.status}


def require_ready(project: Project, dataset: Dataset) -> None:
    """Check that a dataset is whole.

    Raises:
        ConflictError: it is being made or changed, or could not be made.
    """
    if dataset.status in READY:
        return
    way_out = "delete it and create it again" if dataset.status == "CREATE_FAILED" else "try again when that is done"
    raise ConflictError(
        f"The {dataset.kind} dataset of project {project.name!r} is in status {dataset.status}: {way_out}.",
        resource_id=f"{project.name}/{dataset.kind}",
        resource_type="DATASET",
    )


def dataset_metadata(session: Session, dataset: Dataset) -> Reply:
    """What listings show of a dataset; clients read StatusMessage without looking whether it is there."""
    message = dataset.message or _MESSAGES[dataset.status]
    if dataset.status == "CREATE_IN_PROGRESS":
        message = with_attempts(session, message, kind="create_dataset", subject=dataset.id)
    if dataset.status == "UPDATE_IN_PROGRESS":
        changes = select(Change.id).where(Change.dataset_id == dataset.id)
        message = with_attempts(session, message, kind="update_dataset", subject=changes)
    return {
        "DatasetType": dataset.kind,
        "CreationTimestamp": dataset.created,
        "Status": dataset.status,
        "StatusMessage": message,
    }
