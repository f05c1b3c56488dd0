"""Projects: a name that holds datasets and models."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, FromClause, delete, func, select, tuple_
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, QuotaError
from walkaround.hosting.operations.datasets.datasets import dataset_metadata
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import Reply, add_job, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.locks import lock_account
from walkaround.store.tables import Dataset, Model, Project, Table

_NOBODY = ""
"""The account and region of projects that are being deleted."""


def create_project(session: Session, owner: Owner, *, project_name: str, at_most: int) -> Reply:
    """Make a project.

    Raises:
        ConflictError: there is one of this name.
        QuotaError: there are `at_most` projects.
    """
    lock_account(session, owner.account)
    own = select(func.count()).select_from(Project).filter_by(account=owner.account)  # in all regions: callers name any
    if session.scalar(own.filter_by(region=owner.region, name=project_name)):
        raise ConflictError(
            f"There is a project {project_name!r} already: choose another name.",
            resource_id=project_name,
            resource_type="PROJECT",
        )
    if session.scalars(own).one() >= at_most:
        raise QuotaError(
            f"There are {at_most} projects, as many as may be: delete one, or have the setting projects_per_account raised.",
            quota_code="projects_per_account",
            resource_id=project_name,
            resource_type="PROJECT",
        )
    project = Project(account=owner.account, region=owner.region, name=project_name)
    session.add(project)
    session.flush()
    return {"ProjectMetadata": _metadata(owner, project)}


def list_projects(session: Session, owner: Owner, *, next_token: str | None = None, max_results: int | None = None) -> Reply:
    """Projects in the order in which they were made.

    Raises:
        ValidationError: the token or `max_results` is not allowed.
    """
    page = open_page("ListProjects", owner, next_token=next_token, max_results=max_results)
    shown, token = page.of(session, select(Project).filter_by(account=owner.account, region=owner.region), Project.id)
    return paged("Projects", [_metadata(owner, project) for project in shown], token)


def describe_project(session: Session, owner: Owner, *, project_name: str) -> Reply:
    """A project and its datasets.

    Raises:
        NotFoundError: there is none of this name.
    """
    project = find_project(session, owner, project_name)
    datasets = session.scalars(select(Dataset).filter_by(project_id=project.id).order_by(Dataset.kind.desc())).all()
    description = {**_metadata(owner, project), "Datasets": [dataset_metadata(session, dataset) for dataset in datasets]}
    return {"ProjectDescription": description}


def delete_project(session: Session, owner: Owner, *, project_name: str) -> Reply:
    """Delete a project that has neither datasets nor models: it is gone, and its name free, when this returns.

    A job removes its trials, results and packaging jobs, of which there may be millions; until then the row stands without an
    account.

    Raises:
        NotFoundError: there is none of this name.
        ConflictError: it has datasets or models.
    """
    project = find_project(session, owner, project_name, to_change=True)
    kinds = session.scalars(select(Dataset.kind).filter_by(project_id=project.id)).all()
    versions = session.scalars(select(Model.version).filter_by(project_id=project.id).order_by(Model.version)).all()
    if kinds or versions:
        more = ", …" if len(versions) > 5 else ""
        held = [f"{kind} dataset" for kind in kinds] + [f"model {version}" for version in versions[:5]]
        raise ConflictError(
            f"The project {project_name!r} still has its {', '.join(held)}{more}: delete them first.",
            resource_id=project_name,
            resource_type="PROJECT",
        )
    project.account, project.region, project.name = _NOBODY, _NOBODY, str(project.id)
    add_job(session, "delete_project", project.id)
    return {"ProjectArn": owner.project_arn(project_name)}


def remove_left(session: Session, project_id: int, *, at_most: int = 2_000) -> bool:
    """Remove some of what a deleted project left, and its row in the end; whether there may be more.

    Call it in one short transaction after another until there is not.
    """
    project = session.get(Project, project_id)
    if project is None or project.account != _NOBODY:  # once, SQLite gave the number of what was gone to the next one
        return False
    root = Project.__table__
    for table, left in _held_by(root, root.c.id == project_id):
        key = list(table.primary_key)
        some = select(*key).where(left).limit(at_most)
        chosen = delete(table).where((tuple_(*key) if len(key) > 1 else key[0]).in_(some))  # type: ignore[arg-type] # a Table, typed as the wider FromClause
        if session.execute(chosen.returning(*key)).first() is not None:
            return table is not root
    return False


def _held_by(table: FromClause, which: ColumnElement[bool]) -> Iterator[tuple[FromClause, ColumnElement[bool]]]:
    """Tables with conditions for rows that refer to some rows, and for these themselves, in an order that allows to delete."""
    for other in Table.metadata.sorted_tables:
        for reference in other.foreign_keys:
            if reference.column.table is table:
                yield from _held_by(other, reference.parent.in_(select(reference.column).where(which)))
    yield table, which


def _metadata(owner: Owner, project: Project) -> Reply:
    return {
        "ProjectArn": owner.project_arn(project.name),
        "ProjectName": project.name,
        "CreationTimestamp": project.created,
    }
