"""Boxes and outlines on the pictures of a dataset over REST: told, and drawn again as a whole."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, status
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.lines.drawn_lines import agreed_label, drawn_line, version_of
from walkaround.hosting.operations.lines.label_lines import relabelled
from walkaround.hosting.operations.lines.manifest_lines import label_attribute, label_of, stored_line
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.store.tables import Entry
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.datasets.lines import labelled_line, manifest_of
from walkaround.web.rest.labelling.drawn import kept_drawing, place_of, places_told
from walkaround.web.rest.labelling.place_shapes import MaskReference, NewPlaces, PlacesOfPicture
from walkaround.web.rest.shapes import Accepted, KindInPath, PictureInQuery, ProjectName
from walkaround.web.uploads import managed_bucket

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["datasets"])

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The version that was looked at; another one since is a conflict."),
]


@router.get("/places")
def tell_places(
    visit: Reader, project: ProjectName, kind: KindInPath, picture: PictureInQuery, answer: Response
) -> PlacesOfPicture:
    """Tell what was drawn on a picture of a dataset; `version`, which is the ETag too, is for the next change."""
    text = visit.look(lambda session: {"line": _text(session, visit, project, kind, picture=picture)})["line"]
    line = stored_line(text)
    answer.headers["ETag"] = f'"{version_of(text)}"'
    return PlacesOfPicture.model_validate(
        {
            "picture": picture,
            "label": line.label,
            "version": version_of(text),
            "places": places_told(visit, line, masks=False),
            "masks": [
                MaskReference(mask=mask.ref, colours={label: colour for colour, label in mask.colours.items()})
                for mask in line.masks
            ],
        }
    )


@router.put("/places", status_code=status.HTTP_202_ACCEPTED)
def draw_places(
    visit: Changer,
    project: ProjectName,
    kind: KindInPath,
    picture: PictureInQuery,
    new: NewPlaces,
    *,
    match: IfMatch = None,
    token: IdempotencyKey = None,
) -> Accepted:
    """Replace all that was drawn on a picture of a dataset: boxes, and outlines, which become a mask.

    A picture without a label is labelled anomaly when something is drawn on it. An empty list says that nothing is to be drawn.
    """
    told = {"project": project, "kind": kind, "picture": picture, "new": new.model_dump(), "match": match}
    former = visit.answered("draw_places", token=token, **told)
    if former is not None:
        return Accepted(status=former["Status"], job=former.get("Job"))
    text = visit.look(lambda session: {"line": _text(session, visit, project, kind, picture=picture)})["line"]
    _require_version(text, match, project, kind)
    places = [place_of(one) for one in new.places]
    drawing = kept_drawing(visit, picture, text, places)
    worker = visit.caller.key_id
    bucket = managed_bucket(visit.owner.account)
    members = relabelled(drawn_line(json.loads(text), drawing, places, bucket=bucket, worker=worker))
    attribute = label_attribute(members)
    present = None if attribute is None else label_of(members, attribute)
    label = agreed_label(present, places, wanted=new.label)
    members = members if label == present else labelled_line(members, label, worker=worker)

    def act(session: Session) -> dict[str, Any]:
        found = find_project(session, visit.owner, project, to_change=True)
        require_ready(found, find_dataset(session, found, kind, to_change=True))
        _require_version(_text(session, visit, project, kind, picture=picture), version_of(text), project, kind)
        return visit.service.host.update_dataset_entries(
            session, visit.owner, project_name=project, dataset_type=kind, changes=manifest_of([members])
        )

    reply = visit.change("draw_places", act, token=token, **told)
    return Accepted(status=reply["Status"], job=reply.get("Job"))


def _text(session: Session, visit: Visit, project: str, kind: str, *, picture: str) -> str:
    """The line of a picture, as it is."""
    dataset = find_dataset(session, find_project(session, visit.owner, project), kind)
    text = session.scalar(select(Entry.line).filter_by(dataset_id=dataset.id, source_ref=picture))
    if text is None:
        raise NotFoundError(
            f"The {kind} dataset of project {project!r} has no picture {picture!r}: upload it, or correct its address.",
            resource_id=f"{project}/{kind}",
            resource_type="DATASET",
        )
    return text


def _require_version(text: str, wanted: str | None, project: str, kind: str) -> None:
    if wanted is not None and wanted.removeprefix("W/").strip('"') not in (version_of(text), "*"):
        raise ConflictError(
            "The picture was labelled by somebody else meanwhile: look at it again, and draw on what is there now.",
            resource_id=f"{project}/{kind}",
            resource_type="DATASET",
        )
