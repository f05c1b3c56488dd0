"""Results into datasets over REST: pictures of which a person has said what they show, to be trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, status
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from walkaround.errors import BucketError, ConflictError, NotFoundError, ValidationError
from walkaround.hosting.operations.results.results import find_result
from walkaround.hosting.operations.results.reviews import noted_later, results_to_add
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.pipeline.originals import KEPT_BELOW, Original, opened_original
from walkaround.web.rest.access import Changer, IdempotencyKey, Visit
from walkaround.web.rest.datasets.pictures import Brought, bring_pictures
from walkaround.web.rest.results.result import Number, original_in, reviewer_of, video_of
from walkaround.web.rest.shapes import DatasetKind, Label, ProjectName, Strict
from walkaround.web.thumbnails import SIDES
from walkaround.web.uploads import Refused, Upload, managed_bucket, told_name

router = APIRouter(tags=["results"])


class VideoFrame(Strict):
    """A frame of a video, and what a person sees in it."""

    time: float = Field(ge=0, le=1e6, description="Seconds from the video's first frame.")
    label: Label = Field(description="What the person sees in the frame.")


class NewFromResults(Strict):
    """Results whose pictures are added to a dataset of their project."""

    results: Annotated[list[Number], Field(min_length=1, max_length=100, description="Each with a verdict of a person.")]
    dataset: DatasetKind = Field(default="train", description="Which dataset.")
    frames: list[VideoFrame] = Field(
        default_factory=list, max_length=100, description="Frames to add, where `results` is one result of a video; else none."
    )


class AddedFromResults(BaseModel):
    """How many pictures were added."""

    pictures: int = Field(description="Pictures that are added, labelled as persons said.")
    job: str | None = Field(default=None, description="The job that adds them.")


@router.post("/projects/{project}/results/add", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
async def add_results(
    visit: Changer, project: ProjectName, new: NewFromResults, token: IdempotencyKey = None
) -> AddedFromResults:
    """Add the pictures of results to a dataset of their project, each with the label that a person gave: all of them or none.

    A picture that is in the bucket of the dataset stays where it is; another is copied into the bucket of the uploads. Of a
    video, frames are added, each with a label of its own. What was drawn on a picture that the dataset has already stays.
    """
    brought, noted = await run_in_threadpool(_frames if new.frames else _pictures, visit, project, new)
    reply = await bring_pictures(visit, project, new.dataset, brought, token=token, results=noted)
    return AddedFromResults(pictures=len({one.picture for one in brought}), job=reply.get("Job"))


def _pictures(visit: Visit, project: str, new: NewFromResults) -> tuple[list[Brought], dict[str, Any]]:
    """The pictures of results, each with the label that a person gave, and what is noted on the results in the end."""

    def act(session: Session) -> dict[str, Any]:
        dataset = find_dataset(session, find_project(session, visit.owner, project), new.dataset)
        found = results_to_add(session, visit.owner, project_name=project, numbers=new.results)
        places = [original_in(session, visit, result.id, video=False) for result, _ in found]
        names = [told_name(result.source) for result, _ in found]
        labels = [label for _, label in found]
        noted = noted_later(found, reviewer=reviewer_of(visit))
        return {"Bucket": dataset.bucket, "Places": list(zip(places, names, labels, strict=True)), "Noted": noted}

    told = visit.look(act)
    bucket, places = told["Bucket"], told["Places"]
    return [_brought(visit, *place, bucket=bucket, project=project, kind=new.dataset) for place in places], told["Noted"]


def _frames(visit: Visit, project: str, new: NewFromResults) -> tuple[list[Brought], None]:
    """Frames of the video of a result, each with a label of its own."""
    if len(new.results) > 1:
        raise ValidationError("Frames are of one video: give one result with them.")
    number = new.results[0]

    def act(session: Session) -> dict[str, Any]:
        dataset = find_dataset(session, find_project(session, visit.owner, project), new.dataset)
        result = find_result(session, visit.owner, project_name=project, number=number)
        return {"Bucket": dataset.bucket, "Name": told_name(result.source)}

    told = visit.look(act)
    video = video_of(visit, number)
    brought = []
    for frame in new.frames:
        name = f"{told['Name'].rpartition('.')[0] or told['Name']}.{frame.time:.2f}s.jpg"
        path = visit.service.frames.shown(video, name=told["Name"], time=frame.time, size=SIDES[-1])
        brought.append(_copied(visit, path, name, frame.label, bucket=told["Bucket"], project=project, kind=new.dataset))
    return brought, None


def _brought(
    visit: Visit, original: Original, name: str, label: str, *, bucket: str | None, project: str, kind: str
) -> Brought:
    """A picture where all pictures of the dataset are."""
    copies = visit.service.settings.data / "cache" / "pictures"
    try:
        path = opened_original(original, visit.service.buckets, copies=copies)
    except BucketError as problem:
        raise NotFoundError(
            f"The picture {name!r} cannot be read any more. {problem}", resource_id=name, resource_type="DATASET"
        ) from problem
    if original.bucket == bucket and original.version is None and not original.key.startswith(KEPT_BELOW):
        return Brought(picture=original.address, name=name, label=label)
    return _copied(visit, path, name, label, bucket=bucket, project=project, kind=kind)


def _copied(visit: Visit, path: Path, name: str, label: str, *, bucket: str | None, project: str, kind: str) -> Brought:
    """A picture that is copied into the bucket of the uploads."""
    own = managed_bucket(visit.owner.account)
    if bucket not in (None, own):
        raise ConflictError(
            f"The pictures of the {kind} dataset of project {project!r} are in the bucket {bucket!r}, and {name!r} is not: "
            "all pictures of a dataset are in one bucket; put it there, and add it by a manifest.",
            resource_id=f"{project}/{kind}",
            resource_type="DATASET",
        )
    (kept,) = visit.service.pictures.keep(visit.owner.account, [Upload(name=name, content=path.read_bytes())])
    if isinstance(kept, Refused):
        raise ConflictError(
            f"{name!r} cannot be in a dataset. {kept.reason}", resource_id=f"{project}/{kind}", resource_type="DATASET"
        )
    return Brought(picture=kept.picture, name=name, label=label)
