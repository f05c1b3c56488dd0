"""Projects over REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, status

from walkaround.web.rest.access import Changer, IdempotencyKey, Reader
from walkaround.web.rest.datasets.datasets import dataset_of
from walkaround.web.rest.shapes import Limit, NewProject, NextPage, Project, ProjectDetails, ProjectName, Projects

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("")
def list_projects(visit: Reader, limit: Limit = 100, page: NextPage = None) -> Projects:
    """List the projects of the account, in the order in which they were made."""
    host = visit.service.host
    reply = visit.look(lambda session: host.list_projects(session, visit.owner, next_token=page, max_results=limit))
    return Projects(projects=[_project(one) for one in reply["Projects"]], next=reply.get("NextToken"))


@router.post("", status_code=status.HTTP_201_CREATED)
def create_project(visit: Changer, new: NewProject, token: IdempotencyKey = None) -> Project:
    """Make a project."""
    host = visit.service.host
    reply = visit.change(
        "create_project",
        lambda session: host.create_project(session, visit.owner, project_name=new.name),
        token=token,
        new=new.model_dump(),
    )
    return _project(reply["ProjectMetadata"])


@router.get("/{project}", response_model_exclude_none=True)
def describe_project(visit: Reader, project: ProjectName) -> ProjectDetails:
    """Tell of a project and its datasets."""
    host = visit.service.host
    reply = visit.look(lambda session: host.describe_project(session, visit.owner, project_name=project))["ProjectDescription"]
    return ProjectDetails(**_project(reply).model_dump(), datasets=[dataset_of(one) for one in reply.get("Datasets", [])])


@router.delete("/{project}", status_code=status.HTTP_204_NO_CONTENT)
def delete_project(visit: Changer, project: ProjectName) -> None:
    """Delete a project that has neither datasets nor models."""
    host = visit.service.host
    visit.change("delete_project", lambda session: host.delete_project(session, visit.owner, project_name=project))


def _project(members: Mapping[str, Any]) -> Project:
    return Project(name=members["ProjectName"], arn=members["ProjectArn"], created=members["CreationTimestamp"])
