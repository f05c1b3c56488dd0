"""A dataset as a gallery over REST: the numbers of all entries that are wanted, their rows, and changes of many at once."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from walkaround.errors import ValidationError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.datasets.gallery import MOST, GalleryFilter, Order, gallery_rows, lines_of, list_gallery
from walkaround.hosting.operations.datasets.removals import put_back, remove_pictures
from walkaround.hosting.operations.lines.label_lines import State
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader
from walkaround.web.rest.datasets.lines import labelled_line, manifest_of
from walkaround.web.rest.shapes import Accepted, KindInPath, Label, ProjectName, Strict

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["datasets"])

_FIRST = 60
_ROWS = 200
_CHANGED = 20_000

Flag = Annotated[
    str | None,
    Query(pattern=r"^[a-z-]{1,24}$", description="Only pictures with this kind of problem in the last check; any: with any."),
]
EntryId = Annotated[int, Field(ge=1, le=2**53)]
RemovalNumber = Annotated[int, Path(ge=1, le=2**53, description="From the answer to the removal.")]


class GalleryRow(BaseModel):
    """A picture of a dataset, as a gallery shows it."""

    id: int = Field(description="Number of the entry; it stays the same while the picture is in the dataset.")
    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    name: str = Field(description="What it was uploaded as, or the last part of its key.")
    label: Label | None = Field(description="What a person saw; null: unlabelled.")
    state: str = Field(description="How far its labels are: unlabelled, to_review, accepted, adjusted or sent_back.")
    drawn: list[str] = Field(description="Kinds of damage that boxes or masks on it show.")
    flags: list[str] = Field(description="Kinds of problems that the last check found in it and that still stand.")
    doubt: float | None = Field(description="Probability that its label is wrong, 0 to 1; null: not checked with this label.")
    suggests: str | None = Field(description="The label that models which did not see it find most probable.")
    created: datetime = Field(description="When it came into the dataset.")


class GalleryCounts(BaseModel):
    """How many pictures each filter alone has."""

    all: int = Field(description="All pictures.")
    normal: int = Field(description="Pictures labelled normal.")
    anomaly: int = Field(description="Pictures labelled anomaly.")
    none: int = Field(description="Pictures without a label.")
    flagged: int = Field(description="Pictures with a problem that still stands.")
    flags: dict[str, int] = Field(description="The same by kind of problem.")


class Gallery(BaseModel):
    """The pictures that are wanted, by number and in order, and the rows of the first ones."""

    ids: list[int] = Field(description="Numbers of the entries.")
    more: bool = Field(description=f"Whether there are more; no more than {MOST:,} are told.")
    counts: GalleryCounts = Field(description="Pictures by filter.")
    checked: datetime | None = Field(description="When the last check ended; null: never.")
    rows: list[GalleryRow] = Field(description="The first ones.")


class GalleryRows(BaseModel):
    """Some pictures of a dataset."""

    rows: list[GalleryRow] = Field(description="In the order of the numbers; without those that are not there any more.")


class NewLabel(Strict):
    """One label for many pictures."""

    entries: Annotated[list[EntryId], Field(min_length=1, max_length=_CHANGED, description="Numbers of the entries.")]
    label: Label | None = Field(description="What a person sees in all of them; null takes their labels away.")


class NewRemoval(Strict):
    """Pictures to take out of a dataset."""

    entries: Annotated[list[EntryId], Field(min_length=1, max_length=_CHANGED, description="Numbers of the entries.")]


class Removed(BaseModel):
    """Pictures that were taken out."""

    pictures: int = Field(description="How many.")
    removal: int = Field(description="The number under which they can be put back for a day.")


@router.get("/gallery")
def open_gallery(
    visit: Reader,
    project: ProjectName,
    kind: KindInPath,
    *,
    label: Annotated[
        Literal["normal", "anomaly", "none", "any"] | None,
        Query(description="Only pictures with this label; none: unlabelled ones; any: labelled ones."),
    ] = None,
    flag: Flag = None,
    contains: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Part of the name or address, whatever the case.")
    ] = None,
    drawn: Annotated[bool | None, Query(description="Only pictures with, or without, boxes or masks.")] = None,
    state: Annotated[
        State | None, Query(description="Only pictures whose labels are so far: unlabelled, to be reviewed, or reviewed how.")
    ] = None,
    order: Annotated[
        Order,
        Query(
            description="The newest first, the oldest first, those first whose label is most in doubt, or, of one kind of"
            " problem, as the check told them: copies beside each other."
        ),
    ] = "newest",
) -> Gallery:
    """Tell which pictures of a dataset are wanted, all of them as numbers, in order; and the first ones in full.

    With the numbers a client can jump to any place, and ask for the rows there.
    """
    if contains is not None and "\0" in contains:
        raise ValidationError("contains has a character that no name has: leave it out.")
    wanted = GalleryFilter(label=label, flag=flag, contains=contains, drawn=drawn, state=state)

    def act(session: Session) -> dict[str, Any]:
        told = list_gallery(session, visit.owner, project_name=project, dataset_type=kind, wanted=wanted, order=order)
        first = told["Ids"][:_FIRST]
        return told | gallery_rows(session, visit.owner, project_name=project, dataset_type=kind, ids=first)

    reply = visit.look(act)
    rows = [GalleryRow(**row) for row in reply["Rows"]]
    counts = GalleryCounts(**reply["Counts"])
    return Gallery(ids=reply["Ids"], more=reply["More"], counts=counts, checked=reply["Checked"], rows=rows)


@router.get("/gallery/rows")
def read_gallery_rows(
    visit: Reader,
    project: ProjectName,
    kind: KindInPath,
    ids: Annotated[
        str,
        Query(
            pattern=rf"^[1-9][0-9]{{0,15}}(,[1-9][0-9]{{0,15}}){{0,{_ROWS - 1}}}$",
            description=f"Up to {_ROWS} numbers of entries, with commas between.",
        ),
    ],
) -> GalleryRows:
    """Tell of some pictures of a dataset by their numbers."""
    numbers = [int(one) for one in ids.split(",")]
    reply = visit.look(lambda session: gallery_rows(session, visit.owner, project_name=project, dataset_type=kind, ids=numbers))
    return GalleryRows(rows=[GalleryRow(**row) for row in reply["Rows"]])


@router.post("/gallery/labels", status_code=status.HTTP_202_ACCEPTED)
def label_entries(
    visit: Changer, project: ProjectName, kind: KindInPath, new: NewLabel, token: IdempotencyKey = None
) -> Accepted:
    """Give many pictures of a dataset one label, or take their labels away: all of them, or none."""
    host = visit.service.host

    def act(session: Session) -> dict[str, Any]:
        found = find_project(session, visit.owner, project, to_change=True)
        dataset = find_dataset(session, found, kind, to_change=True)
        require_ready(found, dataset)
        lines = lines_of(session, dataset, new.entries)
        changes = manifest_of(labelled_line(json.loads(line), new.label, worker=visit.caller.key_id) for _, _, line in lines)
        return dict(host.update_dataset_entries(session, visit.owner, project_name=project, dataset_type=kind, changes=changes))

    reply = visit.change("label_entries", act, token=token, project=project, kind=kind, new=new.model_dump())
    return Accepted(status=reply["Status"], job=reply.get("Job"))


@router.post("/removals", status_code=status.HTTP_201_CREATED)
def remove_entries(
    visit: Changer, project: ProjectName, kind: KindInPath, new: NewRemoval, token: IdempotencyKey = None
) -> Removed:
    """Take pictures out of a dataset at once, all of them or none; their files stay, and for a day they can be put back."""
    reply = visit.change(
        "remove_entries",
        lambda session: remove_pictures(session, visit.owner, project_name=project, dataset_type=kind, ids=new.entries),
        token=token,
        project=project,
        kind=kind,
        new=new.model_dump(),
    )
    return Removed(pictures=reply["Pictures"], removal=reply["Removal"])


@router.delete("/removals/{number}", status_code=status.HTTP_202_ACCEPTED)
def put_entries_back(visit: Changer, project: ProjectName, kind: KindInPath, number: RemovalNumber) -> Accepted:
    """Put pictures back that were taken out, with the labels that they had; they come as the newest."""
    reply = visit.change(
        "put_back",
        lambda session: put_back(session, visit.owner, project_name=project, dataset_type=kind, number=number),
    )
    return Accepted(status=reply["Status"], job=reply.get("Job"))
