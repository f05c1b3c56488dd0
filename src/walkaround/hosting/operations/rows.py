"""From the names in a request to rows, or to the error that says which of them does not exist."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from walkaround.errors import NotFoundError
from walkaround.hosting.owner import Owner
from walkaround.store.locks import lock_account
from walkaround.store.tables import Dataset, Job, Model, Packaging, Project, now

Reply = dict[str, Any]
"""The members of an operation's reply, in the service's spelling."""

JobKind = Literal[
    "create_dataset",
    "update_dataset",
    "delete_dataset",
    "delete_project",
    "train",
    "delete_model",
    "host",
    "unhost",
    "package",
    "trial",
    "check",
    "draft",
    "export",
    "sample",
]

LATEST = "latest"


def find_project(session: Session, owner: Owner, name: str, *, to_change: bool = False) -> Project:
    """The project of a name.

    Args:
        session: any.
        owner: whose it is.
        name: its name.
        to_change: wait for whoever else is changing something of this account.

    Raises:
        NotFoundError: there is none.
    """
    if to_change:
        lock_account(session, owner.account)
    query = select(Project).filter_by(account=owner.account, region=owner.region, name=name)
    project = session.scalars(query).one_or_none()
    if project is None:
        raise NotFoundError(
            f"There is no project {name!r} in account {owner.account}, region {owner.region}: check the name, or create it.",
            resource_id=name,
            resource_type="PROJECT",
        )
    return project


def find_dataset(session: Session, project: Project, kind: str, *, to_change: bool = False) -> Dataset:
    """The dataset of a kind, train or test.

    Raises:
        NotFoundError: the project has none.
    """
    query = select(Dataset).filter_by(project_id=project.id, kind=kind)
    dataset = session.scalars(query.with_for_update() if to_change else query).one_or_none()
    if dataset is None:
        raise NotFoundError(
            f"The project {project.name!r} has no {kind} dataset: create it first.",
            resource_id=f"{project.name}/{kind}",
            resource_type="DATASET",
        )
    return dataset


def find_model(session: Session, project: Project, version: str, *, to_change: bool = False) -> Model:
    """The model of a version; "latest" is the highest there is.

    Raises:
        NotFoundError: the project has none.
    """
    query = select(Model).filter_by(project_id=project.id).order_by(Model.version.desc()).limit(1)
    if version != LATEST:
        query = query.filter_by(version=min(int(version), 2**31 - 1))  # ten digits may be more than a column holds
    model = session.scalars(query.with_for_update() if to_change else query).one_or_none()
    if model is None:
        raise NotFoundError(
            f"The project {project.name!r} has no model version {version}: list its models to see those there are.",
            resource_id=f"{project.name}/{version}",
            resource_type="MODEL",
        )
    return model


def find_packaging(session: Session, project: Project, name: str) -> Packaging:
    """The packaging job of a name.

    Raises:
        NotFoundError: the project has none.
    """
    packaging = session.scalars(select(Packaging).filter_by(project_id=project.id, name=name)).one_or_none()
    if packaging is None:
        raise NotFoundError(
            f"The project {project.name!r} has no packaging job {name!r}: list its jobs to see those there are.",
            resource_id=name,
            resource_type="MODEL_PACKAGE_JOB",
        )
    return packaging


def add_job(session: Session, kind: JobKind, subject: int) -> None:
    """Write down work to be done, in the transaction of the status that promises it."""
    session.add(Job(kind=kind, subject=subject))
    session.flush()


def job_about(session: Session, kind: JobKind, subject: int) -> int | None:
    """The number of the newest job of a kind about a row; None where there is none, or it was forgotten."""
    query = select(Job.id).where(Job.kind == kind, Job.subject == subject).order_by(Job.id.desc()).limit(1)
    return session.scalar(query)


def cancel_jobs(session: Session, kind: JobKind, subject: int | Select[int]) -> None:
    """Ask the jobs about a row, or about all that a query finds, to end; one that waits for another attempt need not wait."""
    of = Job.subject == subject if isinstance(subject, int) else Job.subject.in_(subject)
    going = update(Job).where(Job.kind == kind, of, Job.ended.is_(None))
    session.execute(going.values(cancelled=True, due=now()).execution_options(synchronize_session=False))


def present(members: Reply) -> Reply:
    """Without the members that have no value."""
    return {key: value for key, value in members.items() if value is not None}
