"""Trial detections: a model is run on new pictures, a person verifies what it said, and what is verified can be trained on.

What a person says, and what becomes of it, is in `trial_verdicts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, DatasetError, QuotaError, ValidationError
from walkaround.hosting.operations.attempts import with_attempts
from walkaround.hosting.operations.lines.manifest_lines import source_bucket
from walkaround.hosting.operations.models.models import TRAINED
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import LATEST, Reply, add_job, cancel_jobs, find_model, find_project
from walkaround.hosting.operations.trials.trial_rows import agreed, disagreed, find_trial
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Job, Model, Project
from walkaround.store.trials import Trial, TrialPicture, TrialVideo

MOST_PICTURES = 2_000
"""Pictures of one trial detection, as in the service."""
MOST_VIDEOS = 20
"""Videos of one trial whose frames are not chosen yet."""
PictureNames = Sequence[str] | Mapping[str, str | None]
"""Source references, alone or with names."""
_JOB: Final = "trial"


@dataclass(frozen=True, kw_only=True)
class NewVideo:
    """A video that is kept in a file, to have its frames looked at.

    Attributes:
        name: what its sender calls it.
        file: path below the data folder.
        at_most: how many frames are chosen at most.
    """

    name: str
    file: str
    at_most: int


def start_trial(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    model_version: str,
    trial_name: str,
    source_refs: PictureNames = (),
    videos: Sequence[NewVideo] = (),
) -> Reply:
    """Have a model run on pictures, and on the frames of videos, by a job.

    Args:
        session: of a transaction.
        owner: whose model it is.
        project_name: its project.
        model_version: a number or "latest".
        trial_name: must be new in the project.
        source_refs: pictures, s3://bucket/key, with or without what the sender calls them; repeated ones are looked at once.
        videos: whose frames are chosen.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is not trained, or there is a trial of this name.
        ValidationError: there is no picture, or one is not s3://bucket/key.
        AccessDeniedError: a picture is in the bucket of another account.
        QuotaError: there are more than 2,000 pictures.
    """
    project = find_project(session, owner, project_name, to_change=True)
    _check_pictures(owner, source_refs, videos)
    trial = _new_trial(session, project, model_version=model_version, trial_name=trial_name)
    return _with_more(session, project, trial, source_refs, videos)


def add_to_trial(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    model_version: str | None,
    trial_name: str,
    source_refs: PictureNames = (),
    videos: Sequence[NewVideo] = (),
) -> Reply:
    """Have more pictures in a trial, which is begun where there is none of this name; otherwise as `start_trial`.

    Args:
        session: of a transaction.
        owner: whose model it is.
        project_name: its project.
        model_version: a number or "latest"; None: that of the trial, and the latest for one that is begun.
        trial_name: of a trial, or of one to begin.
        source_refs: pictures; those that the trial has already stay as they are.
        videos: whose frames are chosen.

    Raises:
        ConflictError: the trial is of another version of the model, or that is not there any more.
    """
    project = find_project(session, owner, project_name, to_change=True)
    _check_pictures(owner, source_refs, videos)
    trial = session.scalars(select(Trial).filter_by(project_id=project.id, name=trial_name).with_for_update()).one_or_none()
    if trial is None:
        trial = _new_trial(session, project, model_version=model_version or LATEST, trial_name=trial_name)
    elif model_version is not None:
        _require_version(session, project, trial, model_version)
    return _with_more(session, project, trial, source_refs, videos)


def require_takes_more(
    session: Session, owner: Owner, *, project_name: str, model_version: str | None, trial_name: str
) -> None:
    """Check what `add_to_trial` asks of project, model and trial, before pictures are sent to it.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is not trained, or the trial is of another version of it.
    """
    project = find_project(session, owner, project_name)
    trial = session.scalars(select(Trial).filter_by(project_id=project.id, name=trial_name)).one_or_none()
    if trial is None:
        _require_trained(project, find_model(session, project, model_version or LATEST))
    elif model_version is not None:
        _require_version(session, project, trial, model_version)


def repeat_trial(
    session: Session, owner: Owner, *, project_name: str, model_version: str, trial_name: str, same_as: str
) -> Reply:
    """Try another version of the model on the pictures of a trial; what persons said of them holds for it too.

    Raises:
        NotFoundError: there is no such project, model, or trial.
        ConflictError: the model is not trained, or there is a trial of this name.
    """
    project = find_project(session, owner, project_name, to_change=True)
    former = find_trial(session, project, same_as)
    trial = _new_trial(session, project, model_version=model_version, trial_name=trial_name)
    trial.same_as = former.name
    kept = ("source_ref", "name", "video", "time", "verified", "verified_by", "verified_at", "said", "added", "added_to")
    pictures = session.scalars(select(TrialPicture).filter_by(trial_id=former.id).order_by(TrialPicture.id)).all()
    session.add_all(TrialPicture(trial_id=trial.id, **{name: getattr(one, name) for name in kept}) for one in pictures)
    session.flush()
    add_job(session, _JOB, trial.id)
    return {"Trial": _described(session, project, trial)}


def list_trials(
    session: Session, owner: Owner, *, project_name: str, next_token: str | None = None, max_results: int | None = None
) -> Reply:
    """The trials of a project, the newest first.

    Raises:
        NotFoundError: there is no such project.
        ValidationError: the token or `max_results` is not allowed.
    """
    project = find_project(session, owner, project_name)
    page = open_page("ListTrials", owner, project.id, next_token=next_token, max_results=max_results)
    shown, token = page.of(session, select(Trial).filter_by(project_id=project.id), Trial.id, falling=True)
    return paged("Trials", [_described(session, project, trial) for trial in shown], token)


def describe_trial(session: Session, owner: Owner, *, project_name: str, trial_name: str) -> Reply:
    """A trial with the numbers of its pictures.

    Raises:
        NotFoundError: there is no such project or trial.
    """
    project = find_project(session, owner, project_name)
    return {"Trial": _described(session, project, find_trial(session, project, trial_name))}


def delete_trial(session: Session, owner: Owner, *, project_name: str, trial_name: str) -> Reply:
    """Forget a trial, running or not; what was added to the dataset stays there.

    Returns:
        `Files`: of videos whose frames were not chosen yet, paths below the data folder, for the caller to delete.

    Raises:
        NotFoundError: there is no such project or trial.
    """
    trial = find_trial(session, find_project(session, owner, project_name, to_change=True), trial_name, to_change=True)
    files = session.scalars(select(TrialVideo.file).filter_by(trial_id=trial.id)).all()
    for table in (TrialVideo, TrialPicture):
        session.execute(delete(table).where(table.trial_id == trial.id))
    session.delete(trial)
    session.flush()
    return {"Files": list(files)}


def cancel_trial(session: Session, owner: Owner, *, project_name: str, trial_name: str) -> Reply:
    """Have a trial that is running end as FAILED; what was found until then stays.

    Raises:
        NotFoundError: there is no such project or trial.
        ConflictError: it is not running.
    """
    project = find_project(session, owner, project_name, to_change=True)
    trial = find_trial(session, project, trial_name)
    if trial.status != "RUNNING" or _open_job(session, trial.id) is None:
        raise _conflict(f"The trial {trial_name!r} is not running: there is nothing to cancel.", trial_name)
    cancel_jobs(session, _JOB, trial.id)
    return {"Trial": _described(session, project, trial)}


def resume_trial(session: Session, owner: Owner, *, project_name: str, trial_name: str) -> Reply:
    """Have a trial that failed or was cancelled go on with the pictures that nobody has looked at.

    Raises:
        NotFoundError: there is no such project or trial.
        ConflictError: it has not failed.
    """
    project = find_project(session, owner, project_name, to_change=True)
    trial = find_trial(session, project, trial_name)
    if trial.status != "FAILED":
        raise _conflict(f"The trial {trial_name!r} has not failed: there is nothing to go on with.", trial_name)
    trial.status, trial.message = "RUNNING", ""
    add_job(session, _JOB, trial.id)
    return {"Trial": _described(session, project, trial)}


def finish_trial(session: Session, trial_id: int) -> bool:
    """Call a trial complete whose pictures were all looked at; whether there is nothing left to be looked at."""
    trial = session.scalars(select(Trial).filter_by(id=trial_id).with_for_update()).one_or_none()
    if trial is None or trial.status != "RUNNING":
        return True
    waits = [
        select(TrialVideo.id).filter_by(trial_id=trial_id, frames=None, error=None),
        select(TrialPicture.id).filter_by(trial_id=trial_id, error=None).where(TrialPicture.findings.is_(None)),
    ]
    if any(session.scalar(query.limit(1)) is not None for query in waits):
        return False
    trial.status, trial.message = "COMPLETE", ""
    session.flush()
    return True


def _new_trial(session: Session, project: Project, *, model_version: str, trial_name: str) -> Trial:
    model = find_model(session, project, model_version, to_change=True)
    _require_trained(project, model)
    if session.scalar(select(Trial.id).filter_by(project_id=project.id, name=trial_name)):
        raise _conflict(f"The project {project.name!r} has a trial {trial_name!r} already: choose another name.", trial_name)
    trial = Trial(project_id=project.id, name=trial_name, model_version=model.version, status="RUNNING")
    session.add(trial)
    session.flush()
    return trial


def _require_trained(project: Project, model: Model) -> None:
    if model.status not in TRAINED:
        raise ConflictError(
            f"Model {model.version} of project {project.name!r} is {model.status}: only a trained one can be tried.",
            resource_id=f"{project.name}/{model.version}",
            resource_type="MODEL",
        )


def _require_version(session: Session, project: Project, trial: Trial, wanted: str) -> None:
    version = find_model(session, project, wanted).version
    if version != trial.model_version:
        raise _conflict(
            f"The trial {trial.name!r} is of model {trial.model_version}, not of {version}: begin another trial.", trial.name
        )


def _with_more(
    session: Session, project: Project, trial: Trial, source_refs: PictureNames, videos: Sequence[NewVideo]
) -> Reply:
    """The trial with these pictures too, and a job that looks at them."""
    names = source_refs if isinstance(source_refs, Mapping) else {}
    there = set(session.scalars(select(TrialPicture.source_ref).filter_by(trial_id=trial.id)))
    fresh = [ref for ref in dict.fromkeys(source_refs) if ref not in there]
    _check_room(session, trial, pictures=len(there) + len(fresh), videos=len(videos))
    session.add_all(TrialPicture(trial_id=trial.id, source_ref=ref, name=names.get(ref)) for ref in fresh)
    session.add_all(TrialVideo(trial_id=trial.id, name=one.name, file=one.file, at_most=one.at_most) for one in videos)
    if fresh or videos:
        at_work = trial.status == "RUNNING" and _open_job(session, trial.id) is not None
        trial.status, trial.message = "RUNNING", ""
        session.flush()
        if not at_work:
            add_job(session, _JOB, trial.id)
    return {"Trial": _described(session, project, trial)}


def _check_pictures(owner: Owner, refs: PictureNames, videos: Sequence[NewVideo]) -> None:
    if not refs and not videos:
        raise ValidationError("There is no picture: give at least one source reference, s3://bucket/key.")
    for ref in refs:
        try:
            bucket = source_bucket(ref)
        except DatasetError as problem:
            raise ValidationError(str(problem)) from problem
        require_own_bucket(owner, bucket)


def _check_room(session: Session, trial: Trial, *, pictures: int, videos: int) -> None:
    if pictures > MOST_PICTURES:
        raise QuotaError(
            f"A trial may have {MOST_PICTURES:,} pictures, and it would have {pictures:,}: divide them among several.",
            quota_code="pictures_per_trial",
            resource_id=trial.name,
            resource_type="TRIAL",
        )
    waiting = select(func.count()).select_from(TrialVideo).filter_by(trial_id=trial.id, frames=None, error=None)
    if videos + (session.scalar(waiting) or 0) > MOST_VIDEOS:
        raise QuotaError(
            f"{MOST_VIDEOS} videos of a trial may wait for their frames to be chosen: send more when some of them are done.",
            quota_code="videos_per_trial",
            resource_id=trial.name,
            resource_type="TRIAL",
        )


def _conflict(sentence: str, trial_name: str) -> ConflictError:
    return ConflictError(sentence, resource_id=trial_name, resource_type="TRIAL")


def _open_job(session: Session, trial_id: int) -> int | None:
    query = select(Job.id).filter_by(kind=_JOB, subject=trial_id, ended=None).order_by(Job.id.desc()).limit(1)
    return session.scalar(query)


def _described(session: Session, project: Project, trial: Trial) -> Reply:
    picture = TrialPicture
    counted: dict[str, Any] = {
        "Total": func.count(),
        "Predicted": func.count(case((picture.findings.is_not(None), 1))),
        "Anomalous": func.count(case((picture.anomalous.is_(True), 1))),
        "Failed": func.count(picture.error),
        "Verified": func.count(picture.verified),
        "Right": func.count(case((agreed(), 1))),
        "Wrong": func.count(case((disagreed(), 1))),
        "Added": func.count(case((picture.added, 1))),
    }
    message, job = trial.message, _open_job(session, trial.id)
    if trial.status == "RUNNING":
        message = with_attempts(session, message, kind=_JOB, subject=trial.id).strip()
    counts = session.execute(select(*counted.values()).where(picture.trial_id == trial.id)).one()
    videos = session.scalars(select(TrialVideo).filter_by(trial_id=trial.id).order_by(TrialVideo.id)).all()
    return {
        "TrialName": trial.name,
        "ProjectName": project.name,
        "ModelVersion": str(trial.model_version),
        "Status": trial.status,
        "StatusMessage": message,
        "CreationTimestamp": trial.created,
        "SameAs": trial.same_as,
        "JobId": job,
        "Pictures": dict(zip(counted, counts, strict=True)),
        "Videos": [{"Name": one.name, "Frames": one.frames, "Problem": one.error} for one in videos],
    }
