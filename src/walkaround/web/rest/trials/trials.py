"""Trial detections over REST: a model tried on new pictures and videos, begun, told of, repeated and forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, status
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from walkaround.errors import ValidationError
from walkaround.hosting.operations.trials import trials
from walkaround.web.problems import LeftOut
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.bodies import Sent, sent_files
from walkaround.web.rest.datasets.found_pictures import pictures_below
from walkaround.web.rest.datasets.pictures import FileName, kept_picture
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.shapes import Limit, NextPage, ProjectName, TrialName
from walkaround.web.rest.trials.trial_files import TRIAL_BODY, VIDEO_TYPES, Arrived, forget_files, keep_files
from walkaround.web.rest.trials.trial_shapes import NewTrial, Trial, Trials, TrialVideo

router = APIRouter(prefix="/projects/{project}", tags=["trials"])

ModelOfTrial = Annotated[
    str | None,
    Query(
        pattern=r"^([1-9][0-9]{0,9}|latest)$",
        description="The model's version; without it the trial's own, and the latest for one that is begun.",
    ),
]
MostFrames = Annotated[int, Query(ge=1, le=200, description="Frames that are chosen of each video at most.")]


@router.get("/trials")
def list_trials(visit: Reader, project: ProjectName, limit: Limit = 100, page: NextPage = None) -> Trials:
    """List the trial detections of a project, the newest first."""
    reply = visit.look(
        lambda session: trials.list_trials(session, visit.owner, project_name=project, next_token=page, max_results=limit)
    )
    return Trials(trials=[told_trial(visit, one) for one in reply["Trials"]], next=reply.get("NextToken"))


@router.post("/trials", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def start_trial(visit: Changer, project: ProjectName, new: NewTrial, token: IdempotencyKey = None) -> Trial:
    """Try a model on all JPEG and PNG pictures below a prefix of a bucket, or on the pictures of another trial.

    What persons said of the pictures of the other trial holds for this one too.
    """
    if (new.bucket is None) == (new.same_as is None):
        raise ValidationError(
            "A trial needs either a bucket with pictures, or another trial whose pictures it is on: name one."
        )
    if new.same_as is not None:
        return _repeated(visit, project, new, same_as=new.same_as, token=token)
    told = {"project": project, "new": new.model_dump()}
    former = visit.answered("start_trial", token=token, **told)
    if former is not None:
        return told_trial(visit, former["Trial"])
    bucket = new.bucket or ""
    keys = pictures_below(visit, bucket, new.prefix, at_most=trials.MOST_PICTURES)
    pictures = [f"s3://{bucket}/{key}" for key in keys]

    def act(session: Session) -> dict[str, Any]:
        return trials.start_trial(
            session, visit.owner, project_name=project, model_version=new.model, trial_name=new.name, source_refs=pictures
        )

    reply = visit.change("start_trial", act, token=token, **told)
    return told_trial(visit, reply["Trial"])


@router.post(
    "/trials/{trial}/pictures",
    status_code=status.HTTP_202_ACCEPTED,
    response_model_exclude_none=True,
    openapi_extra=TRIAL_BODY,
)
async def add_to_trial(
    request: Request,
    visit: Changer,
    project: ProjectName,
    trial: TrialName,
    *,
    model: ModelOfTrial = None,
    frames: MostFrames = 24,
    name: FileName = "picture",
    token: IdempotencyKey = None,
) -> Trial:
    """Have more pictures and videos in a trial, which is begun where there is none of this name.

    One file as the body, many as `files` of a form, or a zip archive of pictures. Of a video the sharp, distinct frames become
    pictures of the trial, each with its time. Hundreds of files may come in several requests.
    """
    await run_in_threadpool(_check_trial, visit, project, trial, model)
    async with sent_files(request, visit.service.settings, name=name, also=VIDEO_TYPES) as files:
        return await run_in_threadpool(_on_upload, visit, project, trial, model=model, files=files, frames=frames, token=token)


@router.get("/trials/{trial}", response_model_exclude_none=True)
def describe_trial(visit: Reader, project: ProjectName, trial: TrialName) -> Trial:
    """Tell how far a trial is."""
    reply = visit.look(lambda session: trials.describe_trial(session, visit.owner, project_name=project, trial_name=trial))
    return told_trial(visit, reply["Trial"])


@router.post("/trials/{trial}/cancel", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def cancel_trial(visit: Changer, project: ProjectName, trial: TrialName) -> Trial:
    """Have a trial that is running end as FAILED; what was found until then stays."""
    reply = visit.change(
        "cancel_trial", lambda session: trials.cancel_trial(session, visit.owner, project_name=project, trial_name=trial)
    )
    return told_trial(visit, reply["Trial"])


@router.post("/trials/{trial}/resume", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def resume_trial(visit: Changer, project: ProjectName, trial: TrialName) -> Trial:
    """Have a trial that failed or was cancelled go on with the pictures that are left."""
    reply = visit.change(
        "resume_trial", lambda session: trials.resume_trial(session, visit.owner, project_name=project, trial_name=trial)
    )
    return told_trial(visit, reply["Trial"])


@router.delete("/trials/{trial}", status_code=status.HTTP_204_NO_CONTENT)
def delete_trial(visit: Changer, project: ProjectName, trial: TrialName) -> None:
    """Forget a trial, running or not; what was added to a dataset stays there."""
    reply = visit.change(
        "delete_trial", lambda session: trials.delete_trial(session, visit.owner, project_name=project, trial_name=trial)
    )
    forget_files(visit, reply["Files"])


def _repeated(visit: Visit, project: str, new: NewTrial, *, same_as: str, token: str | None) -> Trial:
    def act(session: Session) -> dict[str, Any]:
        return trials.repeat_trial(
            session, visit.owner, project_name=project, model_version=new.model, trial_name=new.name, same_as=same_as
        )

    reply = visit.change("repeat_trial", act, token=token, project=project, new=new.model_dump())
    return told_trial(visit, reply["Trial"])


def _check_trial(visit: Visit, project: str, trial: str, model: str | None) -> None:
    """Refuse early what would be refused after a long upload."""

    def look(session: Session) -> dict[str, Any]:
        trials.require_takes_more(session, visit.owner, project_name=project, model_version=model, trial_name=trial)
        return {}

    visit.look(look)


def _on_upload(
    visit: Visit, project: str, trial: str, *, model: str | None, files: Sequence[Sent], frames: int, token: str | None
) -> Trial:
    arrived = keep_files(visit, files, at_most=frames)
    waiting = [one.file for one in arrived.videos]
    try:
        told = _added(visit, project, trial, model=model, arrived=arrived, token=token)
    except BaseException:
        forget_files(visit, waiting)
        raise
    if told["Replayed"]:  # the same request came before, and brought its own copies
        forget_files(visit, waiting)
    more = {
        "kept": [kept_picture(one, label=None) for one in arrived.pictures],
        "refused": [LeftOut(name=one.name, reason=one.reason) for one in arrived.refused] or None,
    }
    return told_trial(visit, told["Trial"]).model_copy(update=more)


def _added(visit: Visit, project: str, trial: str, *, model: str | None, arrived: Arrived, token: str | None) -> dict[str, Any]:
    names = {one.picture: one.name for one in reversed(arrived.pictures)}  # the first name of a picture that came twice
    pictures = {one.picture: names[one.picture] for one in arrived.pictures}
    done = False

    def act(session: Session) -> dict[str, Any]:
        nonlocal done
        done = True
        return trials.add_to_trial(
            session,
            visit.owner,
            project_name=project,
            model_version=model,
            trial_name=trial,
            source_refs=pictures,
            videos=arrived.videos,
        )

    videos = [(one.name, one.at_most) for one in arrived.videos]
    told = {"project": project, "trial": trial, "model": model, "pictures": pictures, "videos": videos}
    reply = visit.change("add_to_trial", act, token=token, **told)
    return {**reply, "Replayed": not done}


def told_trial(visit: Visit, members: Mapping[str, Any]) -> Trial:
    """A trial as it is told."""
    counts, job = members["Pictures"], members["JobId"]
    return Trial(
        name=members["TrialName"],
        model=members["ModelVersion"],
        status=members["Status"],
        message=members["StatusMessage"],
        created=members["CreationTimestamp"],
        total=counts["Total"],
        predicted=counts["Predicted"],
        damaged=counts["Anomalous"],
        failed=counts["Failed"],
        verified=counts["Verified"],
        right=counts["Right"],
        wrong=counts["Wrong"],
        added=counts["Added"],
        videos=[TrialVideo(name=one["Name"], frames=one["Frames"], problem=one["Problem"]) for one in members["Videos"]],
        same_as=members["SameAs"],
        job=None if job is None else job_handle(visit.service.ring, visit.owner, job),
    )
