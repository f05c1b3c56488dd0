"""Drafts of all pictures of a dataset that nobody has labelled: begun, told of, kept picture by picture, and looked up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, delete, func, select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.datasets.kept_drafts import count_open, has_draft, of_version
from walkaround.hosting.operations.labelling.labelling import find_entry
from walkaround.hosting.operations.models.models import TRAINED
from walkaround.hosting.operations.rows import (
    LATEST,
    JobKind,
    Reply,
    add_job,
    cancel_jobs,
    find_dataset,
    find_model,
    find_project,
    job_about,
)
from walkaround.hosting.owner import Owner
from walkaround.store.drafts import Draft, Drafting
from walkaround.store.tables import Dataset, Entry, Model, Project

KIND: JobKind = "draft"


def begin_drafting(session: Session, owner: Owner, *, project_name: str, dataset_type: str, model_version: str) -> Reply:
    """Have a job draft all pictures without a label that have no draft of a version yet.

    Args:
        session: of a transaction.
        owner: whose they are.
        project_name: the project.
        dataset_type: train or test.
        model_version: a number, or "latest" for the newest that is trained; it need not be hosted.

    Raises:
        NotFoundError: there is no such project, dataset or model.
        ConflictError: the dataset is being changed or drafted, or the model is not trained.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    require_ready(project, dataset)
    if session.scalar(select(Drafting.id).filter_by(dataset_id=dataset.id, status="RUNNING").limit(1)):
        raise ConflictError(
            f"The {dataset_type} dataset of project {project_name!r} is being drafted already: wait, or stop that.",
            resource_id=f"{project_name}/{dataset_type}",
            resource_type="DATASET",
        )
    model = _trained(session, project, model_version)
    failed = delete(Draft).where(*of_version(dataset.id, model.version), Draft.findings.is_(None))
    session.execute(failed.execution_options(synchronize_session=False))  # what could not be looked at is tried again
    drafting = Drafting(dataset_id=dataset.id, model_version=model.version, status="RUNNING", pictures=0)
    drafting.pictures = count_open(session, drafting)
    session.add(drafting)
    session.flush()
    add_job(session, KIND, drafting.id)
    return {"Drafts": _told(session, dataset)}


def describe_drafts(session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
    """How the newest drafting of a dataset stands, and what there is of its version.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    return {"Drafts": _told(session, find_dataset(session, find_project(session, owner, project_name), dataset_type))}


def cancel_drafting(session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
    """Stop the drafting that runs; what was drafted stays. Where none runs, nothing happens.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name, to_change=True), dataset_type)
    cancel_jobs(session, KIND, select(Drafting.id).filter_by(dataset_id=dataset.id, status="RUNNING"))
    return {}


def find_draft(
    session: Session, owner: Owner, *, project_name: str, dataset_type: str, picture: str, model_version: str
) -> tuple[Draft, Model] | None:
    """The draft of a picture by a version, "latest" for the newest that there is one of, and that version; None: there is none.

    Raises:
        NotFoundError: there is no such project, dataset or picture.
    """
    entry = find_entry(session, owner, project_name=project_name, dataset_type=dataset_type, picture=picture)
    query = select(Draft, Model).join(Dataset, Dataset.id == Draft.dataset_id)
    query = query.join(Model, and_(Model.project_id == Dataset.project_id, Model.version == Draft.model_version))
    query = query.where(Draft.dataset_id == entry.dataset_id, Draft.source_ref == picture, Draft.findings.is_not(None))
    if model_version != LATEST:
        query = query.where(Draft.model_version == min(int(model_version), 2**31 - 1))
    found = session.execute(query.order_by(Draft.model_version.desc()).limit(1)).one_or_none()
    return None if found is None else (found[0], found[1])


def _trained(session: Session, project: Project, version: str) -> Model:
    if version == LATEST:
        newest = select(Model.version).where(Model.project_id == project.id, Model.status.in_(TRAINED))
        version = str(session.scalar(newest.order_by(Model.version.desc()).limit(1)) or LATEST)
    model = find_model(session, project, version)
    if model.status not in TRAINED or model.package is None:
        raise ConflictError(
            f"Model {model.version} of project {project.name!r} is in status {model.status}: only a trained model drafts.",
            resource_id=f"{project.name}/{model.version}",
            resource_type="MODEL",
        )
    return model


def _told(session: Session, dataset: Dataset) -> dict[str, Any]:
    query = select(Drafting).filter_by(dataset_id=dataset.id).order_by(Drafting.id.desc()).limit(1)
    newest = session.scalars(query).one_or_none()
    unlabelled = dataset.total - dataset.normal - dataset.anomaly
    if newest is None:
        return {"Status": "NONE", "Unlabelled": unlabelled}
    counted = select(func.count()).select_from(Entry).where(Entry.dataset_id == dataset.id, Entry.label.is_(None))
    drafted = session.scalar(counted.where(has_draft(newest.model_version, Draft.findings.is_not(None))))
    failed = session.scalar(counted.where(has_draft(newest.model_version, Draft.findings.is_(None))))
    return {
        "Status": newest.status,
        "Model": str(newest.model_version),
        "Message": newest.message,
        "Created": newest.created,
        "Ended": newest.ended,
        "JobId": job_about(session, KIND, newest.id) if newest.status == "RUNNING" else None,
        "Pictures": newest.pictures,
        "Unlabelled": unlabelled,
        "Drafted": drafted or 0,
        "Failed": failed or 0,
    }
