"""Endpoints: names under which clients of SageMaker's runtime ask a model; a model that is not hosted is started for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError, QuotaError, ValidationError
from walkaround.hosting.operations.models.models import start_model, stop_model
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import Reply, find_model, find_project
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import Endpoint, Model, Project

ENDPOINT_NAME = r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}"
"""SageMaker's rule for the names of endpoints, besides their length."""
_LONGEST_NAME = 63

STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "STARTING_HOSTING": "Creating",
        "HOSTED": "InService",
        "SYSTEM_UPDATING": "SystemUpdating",
        "STOPPING_HOSTING": "OutOfService",
        "TRAINED": "OutOfService",
        "HOSTING_FAILED": "Failed",
    }
)
"""What SageMaker calls the status of an endpoint, by that of its model."""

_CAN_BE_STARTED = ("TRAINED", "HOSTING_FAILED")
_RUNS = ("STARTING_HOSTING", "HOSTED", "SYSTEM_UPDATING")


def create_endpoint(
    session: Session,
    owner: Owner,
    *,
    endpoint_name: str,
    model: tuple[str, str],
    units: tuple[int, int | None],
    settings: Settings,
) -> Reply:
    """Let a model answer under a name; it is started where it is not hosted.

    Args:
        session: of a transaction.
        owner: whose it is.
        endpoint_name: new among those of the owner.
        model: its project, and its version or "latest".
        units: inference units at least and at most, for a model that has to be started.
        settings: the limits.

    Raises:
        ValidationError: the name is none that an endpoint may have, or the units are no range.
        NotFoundError: there is no such project or model.
        ConflictError: the name is taken, or the model cannot be hosted.
        QuotaError: there are too many endpoints, units or hosted models.
    """
    if len(endpoint_name) > _LONGEST_NAME or not re.fullmatch(ENDPOINT_NAME, endpoint_name):
        raise ValidationError(
            f"{endpoint_name[:100]!r} cannot be the name of an endpoint: give 1 to 63 letters, digits and hyphens."
        )
    project_name, version = model
    project = find_project(session, owner, project_name, to_change=True)
    row = find_model(session, project, version, to_change=True)
    _check_new(session, owner, endpoint_name, settings)
    started = row.status in _CAN_BE_STARTED
    if started:
        version = str(row.version)
        start_model(session, owner, project_name=project_name, model_version=version, units=units, settings=settings)
    elif row.status not in _RUNS:
        raise ConflictError(
            f"Model {row.version} of project {project_name!r} cannot answer at an endpoint: it is in status {row.status}.",
            resource_id=f"{project_name}/{row.version}",
            resource_type="MODEL",
        )
    endpoint = Endpoint(account=owner.account, region=owner.region, name=endpoint_name, model_id=row.id, started=started)
    session.add(endpoint)
    session.flush()
    return _described(owner, endpoint, row, project)


def list_endpoints(session: Session, owner: Owner, *, next_token: str | None = None, max_results: int | None = None) -> Reply:
    """The endpoints in the order in which they were made.

    Raises:
        ValidationError: the token or `max_results` is not allowed.
    """
    page = open_page("ListEndpoints", owner, next_token=next_token, max_results=max_results)
    shown, token = page.of(session, select(Endpoint).filter_by(account=owner.account, region=owner.region), Endpoint.id)
    rows = {row[0].id: row for row in session.execute(_joined().where(Endpoint.id.in_([one.id for one in shown])))}
    return paged("Endpoints", [_described(owner, *rows[one.id]) for one in shown], token)


def describe_endpoint(session: Session, owner: Owner, *, endpoint_name: str) -> Reply:
    """An endpoint, and the model behind it.

    Raises:
        NotFoundError: there is none of this name.
    """
    return _described(owner, *find_endpoint(session, owner, endpoint_name))


def delete_endpoint(session: Session, owner: Owner, *, endpoint_name: str) -> Reply:
    """Delete an endpoint: its name is free when this returns. A model that was started for it is stopped, if no other needs it.

    Raises:
        NotFoundError: there is none of this name.
        ConflictError: its model is being started for it.
    """
    project = find_project(session, owner, find_endpoint(session, owner, endpoint_name)[2].name, to_change=True)
    endpoint, model, _ = find_endpoint(session, owner, endpoint_name)  # again, behind the lock
    version = str(model.version)
    other = session.scalars(select(Endpoint).where(Endpoint.model_id == model.id, Endpoint.id != endpoint.id).limit(1)).first()
    if endpoint.started and other is not None:
        other.started = True  # whoever is the last to leave stops it
    elif endpoint.started and model.status == "STARTING_HOSTING":
        raise ConflictError(
            f"The endpoint {endpoint_name!r} is still being created: delete it when its status is InService or Failed.",
            resource_id=endpoint_name,
            resource_type="ENDPOINT",
        )
    elif endpoint.started and model.status == "HOSTED":
        stop_model(session, owner, project_name=project.name, model_version=version)
    session.delete(endpoint)
    session.flush()
    return {"EndpointArn": owner.endpoint_arn(endpoint_name)}


def find_endpoint(session: Session, owner: Owner, name: str) -> Row[Endpoint, Model, Project]:
    """The endpoint of a name, its model, and the model's project.

    Raises:
        NotFoundError: there is none.
    """
    query = _joined().where(Endpoint.account == owner.account, Endpoint.region == owner.region, Endpoint.name == name)
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFoundError(
            f"Endpoint {name} of account {owner.account} not found in region {owner.region}: check the name, or create it.",
            resource_id=name,
            resource_type="ENDPOINT",
        )
    return found


def _joined() -> Select[Endpoint, Model, Project]:
    return (
        select(Endpoint, Model, Project)
        .join(Model, Model.id == Endpoint.model_id)
        .join(Project, Project.id == Model.project_id)
    )


def _check_new(session: Session, owner: Owner, name: str, settings: Settings) -> None:
    own = select(func.count()).select_from(Endpoint).filter_by(account=owner.account)  # in all regions: callers name any
    if session.scalar(own.filter_by(region=owner.region, name=name)):
        raise ConflictError(
            f"There is an endpoint {name!r} already: choose another name, or delete it.",
            resource_id=name,
            resource_type="ENDPOINT",
        )
    most = settings.endpoints_per_account
    if session.scalars(own).one() >= most:
        raise QuotaError(
            f"There are {most} endpoints, as many as may be: delete one, or have the setting endpoints_per_account raised.",
            quota_code="endpoints_per_account",
            resource_id=name,
            resource_type="ENDPOINT",
        )


def _described(owner: Owner, endpoint: Endpoint, model: Model, project: Project) -> Reply:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": owner.endpoint_arn(endpoint.name),
        "EndpointStatus": STATUSES.get(model.status, "OutOfService"),
        "FailureReason": model.message if model.status == "HOSTING_FAILED" else None,
        "ProjectName": project.name,
        "ModelVersion": str(model.version),
        "CreationTime": endpoint.created,
    }
