"""The classes that the people of a project label with, over REST."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from walkaround.hosting.operations.labelling.classes import classes_of, set_classes, version_of_classes
from walkaround.web.conflicts import ChangedMeanwhileError
from walkaround.web.rest.access import Changer, Reader, Visit
from walkaround.web.rest.labelling.labelling_shapes import DamageClasses, NewClasses
from walkaround.web.rest.labelling.places import IfMatch
from walkaround.web.rest.shapes import ProjectName

router = APIRouter(prefix="/projects/{project}/classes", tags=["labelling"])


@router.get("")
def tell_classes(visit: Reader, project: ProjectName, answer: Response) -> DamageClasses:
    """Tell the classes to label with, their colours and keys; until the project sets its own, the seven usual damage types."""
    told = _told(visit, project)
    answer.headers["ETag"] = f'"{told.version}"'
    return told


@router.put("")
def set_classes_of_project(
    visit: Changer, project: ProjectName, new: NewClasses, answer: Response, *, match: IfMatch = None
) -> DamageClasses:
    """Label with these classes from now on; what is labelled already stays as it is."""
    version = None if match is None or match == "*" else match.removeprefix("W/").strip('"')
    classes = [one.model_dump() for one in new.classes]
    done = visit.change(
        "set_classes",
        lambda session: {
            "Done": set_classes(session, visit.owner, project_name=project, classes=classes, version=version),
        },
    )
    told = _told(visit, project)
    if not done["Done"]:
        raise ChangedMeanwhileError(
            "The classes were changed by somebody else meanwhile: look at them again.",
            resource_id=project,
            resource_type="PROJECT",
            current=told.model_dump(),
        )
    answer.headers["ETag"] = f'"{told.version}"'
    return told


def _told(visit: Visit, project: str) -> DamageClasses:
    def look(session: Any) -> dict[str, Any]:
        classes, own = classes_of(session, visit.owner, project_name=project)
        return {"classes": classes, "own": own, "version": version_of_classes(classes)}

    return DamageClasses.model_validate(visit.look(look))
