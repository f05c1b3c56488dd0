"""Trial detections over REST: a model tried on new pictures, verified by a person, and what is verified trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, status
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from walkaround.errors import ValidationError
from walkaround.hosting.operations import trials
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.inspection.masks import told_line
from walkaround.web.problems import LeftOut
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.bodies import UPLOAD_BODY, Sent, sent_files
from walkaround.web.rest.masks import path_of_trial_picture
from walkaround.web.rest.pictures import FileName, keep_pictures, kept_picture
from walkaround.web.rest.shapes import (
    Counted,
    Limit,
    NewTrial,
    NewVerdicts,
    Next,
    ProjectName,
    Trial,
    TrialName,
    TrialPicture,
    TrialPictures,
    Trials,
)

router = APIRouter(prefix="/projects/{project}", tags=["trials"])

_SUFFIXES = (".jpg", ".jpeg", ".png")


@router.get("/trials")
def list_trials(visit: Reader, project: ProjectName, limit: Limit = 100, next: Next = None) -> Trials:  # noqa: A002 - a name of the API
    """List the trial detections of a project, the newest first."""
    reply = visit.look(
        lambda session: trials.list_trials(session, visit.owner, project_name=project, next_token=next, max_results=limit)
    )
    return Trials(trials=[_trial(one) for one in reply["Trials"]], next=reply.get("NextToken"))


@router.post("/trials", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def start_trial(visit: Changer, project: ProjectName, new: NewTrial, token: IdempotencyKey = None) -> Trial:
    """Try a model on all JPEG and PNG pictures below a prefix of a bucket."""
    require_own_bucket(visit.owner, new.bucket)
    found = visit.service.buckets.list(new.bucket, new.prefix)
    keys = (one.key for one in found if one.key.lower().endswith(_SUFFIXES))
    pictures = dict.fromkeys(f"s3://{new.bucket}/{key}" for key in islice(keys, trials.MOST_PICTURES + 1))
    if not pictures:
        raise ValidationError(f"There is no JPEG or PNG picture below s3://{new.bucket}/{new.prefix}: correct the prefix.")
    return _started(visit, project, new.name, model=new.model, pictures=pictures, token=token)


@router.post(
    "/trials/{trial}/pictures",
    status_code=status.HTTP_202_ACCEPTED,
    response_model_exclude_none=True,
    openapi_extra=UPLOAD_BODY,
)
async def start_trial_on_upload(
    request: Request,
    visit: Changer,
    project: ProjectName,
    trial: TrialName,
    *,
    model: Annotated[str, Query(pattern=r"^([1-9][0-9]{0,9}|latest)$", description="The model's version.")] = "latest",
    name: FileName = "picture",
    token: IdempotencyKey = None,
) -> Trial:
    """Begin a trial of this name on uploaded pictures: one as the body, many as `files` of a form, or a zip archive."""
    async with sent_files(request, visit.service.settings, name=name) as files:
        return await run_in_threadpool(_on_upload, visit, project, trial, model=model, files=files, token=token)


def _on_upload(visit: Visit, project: str, trial: str, *, model: str, files: Sequence[Sent], token: str | None) -> Trial:
    kept, refused = keep_pictures(visit, files)
    names = {one.picture: one.name for one in reversed(kept)}  # the first name of a picture that came twice
    pictures = {one.picture: names[one.picture] for one in kept}
    started = _started(visit, project, trial, model=model, pictures=pictures, token=token)
    told = {
        "kept": [kept_picture(one, label=None) for one in kept],
        "refused": [LeftOut(name=one.name, reason=one.reason) for one in refused] or None,
    }
    return started.model_copy(update=told)


def _started(
    visit: Visit, project: str, trial: str, *, model: str, pictures: Mapping[str, str | None], token: str | None
) -> Trial:
    def act(session: Session) -> dict[str, Any]:
        return trials.start_trial(
            session, visit.owner, project_name=project, model_version=model, trial_name=trial, source_refs=pictures
        )

    reply = visit.change("start_trial", act, token=token, project=project, trial=trial, model=model, pictures=dict(pictures))
    return _trial({**reply["Trial"], "Job": reply.get("Job")})


@router.get("/trials/{trial}", response_model_exclude_none=True)
def describe_trial(visit: Reader, project: ProjectName, trial: TrialName) -> Trial:
    """Tell how far a trial is."""
    reply = visit.look(lambda session: trials.describe_trial(session, visit.owner, project_name=project, trial_name=trial))
    return _trial(reply["Trial"])


@router.delete("/trials/{trial}", status_code=status.HTTP_204_NO_CONTENT)
def delete_trial(visit: Changer, project: ProjectName, trial: TrialName) -> None:
    """Forget a trial, running or not; what was added to the dataset stays there."""
    visit.change(
        "delete_trial", lambda session: trials.delete_trial(session, visit.owner, project_name=project, trial_name=trial)
    )


@router.get("/trials/{trial}/pictures")
def list_trial_pictures(
    visit: Reader,
    project: ProjectName,
    trial: TrialName,
    limit: Limit = 100,
    next: Next = None,  # noqa: A002 - a name of the API
) -> TrialPictures:
    """List the pictures of a trial: what the model said, and what a person said."""
    reply = visit.look(
        lambda session: trials.list_trial_pictures(
            session, visit.owner, project_name=project, trial_name=trial, page=(next, limit)
        )
    )
    pictures = [_picture(project, trial, one) for one in reply["Pictures"]]
    return TrialPictures(pictures=pictures, next=reply.get("NextToken"))


@router.post("/trials/{trial}/verdicts")
def verify_pictures(visit: Changer, project: ProjectName, trial: TrialName, new: NewVerdicts) -> Counted:
    """Verify or correct what the model said: all of the verdicts, or none."""
    verdicts = {one.picture: one.label for one in new.verdicts}
    visit.change(
        "verify_pictures",
        lambda session: trials.verify_pictures(session, visit.owner, project_name=project, trial_name=trial, verdicts=verdicts),
    )
    return Counted(pictures=len(verdicts))


@router.post("/trials/{trial}/add")
def add_verified(visit: Changer, project: ProjectName, trial: TrialName, token: IdempotencyKey = None) -> Counted:
    """Add the verified pictures to the training dataset, labelled as the person said."""
    reply = visit.change(
        "add_verified",
        lambda session: trials.add_verified(
            session, visit.owner, project_name=project, trial_name=trial, settings=visit.service.settings
        ),
        token=token,
        project=project,
        trial=trial,
    )
    return Counted(pictures=reply["Added"])


def _trial(members: Mapping[str, Any]) -> Trial:
    counts = members["Pictures"]
    return Trial(
        name=members["TrialName"],
        model=members["ModelVersion"],
        status=members["Status"],
        message=members["StatusMessage"],
        created=members["CreationTimestamp"],
        total=counts["Total"],
        predicted=counts["Predicted"],
        failed=counts["Failed"],
        verified=counts["Verified"],
        added=counts["Added"],
        job=members.get("Job"),
    )


def _picture(project: str, trial: str, members: Mapping[str, Any]) -> TrialPicture:
    findings = members.get("Findings")
    return TrialPicture(
        picture=members["SourceRef"],
        name=members.get("Name"),
        findings=None if findings is None else told_line(findings),
        mask=path_of_trial_picture(project, trial, members["SourceRef"], findings),
        error=members.get("Error"),
        verified=members.get("Verified"),
        correct=members.get("Correct"),
        added=members["Added"],
    )
