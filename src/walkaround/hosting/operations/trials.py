"""Trial detections: a model is run on new pictures, a person verifies what it said, and what is verified can be trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import ConflictError, DatasetError, NotFoundError, QuotaError, ValidationError
from walkaround.hosting.operations.attempts import with_attempts
from walkaround.hosting.operations.datasets import require_ready
from walkaround.hosting.operations.entries import apply_lines
from walkaround.hosting.operations.manifest_lines import classification_line, parse_lines, source_bucket
from walkaround.hosting.operations.models import TRAINED
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import Reply, add_job, find_dataset, find_model, find_project, present
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import Project, Trial, TrialPicture, now

MOST_PICTURES = 2_000
"""Pictures of one trial detection, as in the service."""
PictureNames = Sequence[str] | Mapping[str, str | None]
"""Source references, alone or with names."""


def start_trial(
    session: Session, owner: Owner, *, project_name: str, model_version: str, trial_name: str, source_refs: PictureNames
) -> Reply:
    """Have a model run on pictures by a job.

    Args:
        session: of a transaction.
        owner: whose model it is.
        project_name: its project.
        model_version: a number or "latest".
        trial_name: must be new in the project.
        source_refs: pictures, s3://bucket/key, with or without what the sender calls them; repeated ones are looked at once.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is not trained, or there is a trial of this name.
        ValidationError: there is no picture, or one is not s3://bucket/key.
        AccessDeniedError: a picture is in the bucket of another account.
        QuotaError: there are more than 2,000 pictures.
    """
    refs = list(dict.fromkeys(source_refs))
    names = source_refs if isinstance(source_refs, Mapping) else {}
    project = find_project(session, owner, project_name, to_change=True)
    model = find_model(session, project, model_version, to_change=True)
    _check_pictures(owner, refs, trial_name)
    if model.status not in TRAINED:
        raise ConflictError(
            f"Model {model.version} of project {project_name!r} is {model.status}: only a trained one can be tried.",
            resource_id=f"{project_name}/{model.version}",
            resource_type="MODEL",
        )
    if session.scalar(select(Trial.id).filter_by(project_id=project.id, name=trial_name)):
        raise ConflictError(
            f"The project {project_name!r} has a trial {trial_name!r} already: choose another name.",
            resource_id=trial_name,
            resource_type="TRIAL",
        )
    trial = Trial(project_id=project.id, name=trial_name, model_version=model.version, status="RUNNING")
    session.add(trial)
    session.flush()
    session.add_all(TrialPicture(trial_id=trial.id, source_ref=ref, name=names.get(ref)) for ref in refs)
    add_job(session, "trial", trial.id)
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
    return {"Trial": _described(session, project, _find(session, project, trial_name))}


def list_trial_pictures(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    trial_name: str,
    page: tuple[str | None, int | None] = (None, None),
) -> Reply:
    """The pictures of a trial in the order in which they were given: what the model said, and what a person said.

    Raises:
        NotFoundError: there is no such project or trial.
        ValidationError: the token or the size of the page is not allowed.
    """
    trial = _find(session, find_project(session, owner, project_name), trial_name)
    opened = open_page("ListTrialPictures", owner, trial.id, next_token=page[0], max_results=page[1])
    shown, token = opened.of(session, select(TrialPicture).filter_by(trial_id=trial.id), TrialPicture.id)
    return paged("Pictures", [_picture(picture) for picture in shown], token)


def verify_pictures(
    session: Session, owner: Owner, *, project_name: str, trial_name: str, verdicts: Mapping[str, str | None]
) -> Reply:
    """Keep what a person sees in pictures, whether that agrees with the model or corrects it; all of it or nothing.

    Args:
        session: of a transaction.
        owner: whose trial it is.
        project_name: its project.
        trial_name: its name.
        verdicts: source reference to normal or anomaly; None takes an earlier verdict back.

    Raises:
        NotFoundError: there is no such project, trial, or picture in it.
        ConflictError: a picture was added to the dataset already, or could not be read.
        ValidationError: a verdict is neither.
    """
    trial = _find(session, find_project(session, owner, project_name, to_change=True), trial_name)
    query = select(TrialPicture).filter_by(trial_id=trial.id).with_for_update()
    pictures = {picture.source_ref: picture for picture in session.scalars(query)}
    for ref, verdict in verdicts.items():
        if ref not in pictures:
            raise _missing(trial_name, f"The trial {trial_name!r} has no picture {ref[:300]!r}")
        if verdict not in (NORMAL, ANOMALY, None):
            raise ValidationError(f"The verdict {verdict!r} is neither {NORMAL!r} nor {ANOMALY!r}: give one of them.")
        if pictures[ref].error is not None and verdict is not None:
            raise ConflictError(
                f"{ref[:300]!r} could not be read, so that nothing can be learnt of it: upload it again.",
                resource_id=trial_name,
                resource_type="TRIAL",
            )
        if pictures[ref].added:
            raise ConflictError(
                f"{ref!r} was added to the training dataset already: change its label there.",
                resource_id=trial_name,
                resource_type="TRIAL",
            )
        pictures[ref].verified = verdict
    session.flush()
    return {"Verified": len(verdicts)}


def add_verified(session: Session, owner: Owner, *, project_name: str, trial_name: str, settings: Settings) -> Reply:
    """Add the verified pictures that are not there yet to the training dataset, labelled as the person said: all or none.

    Raises:
        NotFoundError: there is no such project or trial, or no training dataset.
        ConflictError: the dataset is being changed, its pictures are in another bucket, or it would have too many.
    """
    project = find_project(session, owner, project_name, to_change=True)
    trial = _find(session, project, trial_name)
    dataset = find_dataset(session, project, "train", to_change=True)
    require_ready(project, dataset)
    query = select(TrialPicture).filter_by(trial_id=trial.id, added=False).where(TrialPicture.verified.is_not(None))
    pictures = session.scalars(query.order_by(TrialPicture.id).with_for_update()).all()
    job = f"trial/{trial_name}"
    lines = [classification_line(one.source_ref, one.verified or "", job=job, name=one.name) for one in pictures]
    if not lines:
        return {"Added": 0}
    buckets = {picture.source_ref.removeprefix("s3://").partition("/")[0] for picture in pictures}
    if dataset.bucket is not None and buckets != {dataset.bucket}:
        raise ConflictError(
            f"The pictures of the trial {trial_name!r} are in the bucket {sorted(buckets)[0]!r}, and those of the training"
            f" dataset in {dataset.bucket!r}: all pictures of a dataset are in one bucket; begin a trial on such pictures.",
            resource_id=f"{project_name}/train",
            resource_type="DATASET",
        )
    try:
        content = "\n".join(lines).encode("utf-8")
        apply_lines(session, dataset, parse_lines(content, bucket=dataset.bucket), settings=settings)
    except DatasetError as problem:
        raise ConflictError(
            f"The verified pictures cannot be added. {problem}",
            resource_id=f"{project_name}/train",
            resource_type="DATASET",
        ) from problem
    dataset.status, dataset.message, dataset.updated = "UPDATE_COMPLETE", "", now()
    for picture in pictures:
        picture.added = True
    session.flush()
    return {"Added": len(pictures)}


def find_trial_picture(session: Session, owner: Owner, *, project_name: str, trial_name: str, source_ref: str) -> TrialPicture:
    """A picture of a trial.

    Raises:
        NotFoundError: there is no such project, trial, or picture in it.
    """
    trial = _find(session, find_project(session, owner, project_name), trial_name)
    picture = session.scalars(select(TrialPicture).filter_by(trial_id=trial.id, source_ref=source_ref)).one_or_none()
    if picture is None:
        raise _missing(trial_name, f"The trial {trial_name!r} has no picture {source_ref[:300]!r}")
    return picture


def delete_trial(session: Session, owner: Owner, *, project_name: str, trial_name: str) -> Reply:
    """Forget a trial, running or not; what was added to the dataset stays there.

    Raises:
        NotFoundError: there is no such project or trial.
    """
    trial = _find(session, find_project(session, owner, project_name, to_change=True), trial_name)
    session.execute(delete(TrialPicture).where(TrialPicture.trial_id == trial.id))
    session.delete(trial)
    session.flush()
    return {}


def _check_pictures(owner: Owner, refs: Sequence[str], trial_name: str) -> None:
    if not refs:
        raise ValidationError("There is no picture: give at least one source reference, s3://bucket/key.")
    if len(refs) > MOST_PICTURES:
        raise QuotaError(
            f"A trial may have {MOST_PICTURES:,} pictures, and {len(refs):,} were given: divide them among several.",
            quota_code="pictures_per_trial",
            resource_id=trial_name,
            resource_type="TRIAL",
        )
    for ref in refs:
        try:
            bucket = source_bucket(ref)
        except DatasetError as problem:
            raise ValidationError(str(problem)) from problem
        require_own_bucket(owner, bucket)


def _find(session: Session, project: Project, name: str) -> Trial:
    trial = session.scalars(select(Trial).filter_by(project_id=project.id, name=name)).one_or_none()
    if trial is None:
        raise _missing(name, f"The project {project.name!r} has no trial {name!r}")
    return trial


def _missing(trial_name: str, what: str) -> NotFoundError:
    return NotFoundError(f"{what}: check the name.", resource_id=trial_name, resource_type="TRIAL")


def _described(session: Session, project: Project, trial: Trial) -> Reply:
    picture = TrialPicture
    counted = {
        "Total": func.count(),
        "Predicted": func.count(case((picture.findings.is_not(None), 1))),
        "Failed": func.count(picture.error),
        "Verified": func.count(picture.verified),
        "Added": func.count(case((picture.added, 1))),
    }
    message = trial.message
    if trial.status == "RUNNING":
        message = with_attempts(session, message, kind="trial", subject=trial.id).strip()
    counts = session.execute(select(*counted.values()).where(picture.trial_id == trial.id)).one()
    return {
        "TrialName": trial.name,
        "ProjectName": project.name,
        "ModelVersion": str(trial.model_version),
        "Status": trial.status,
        "StatusMessage": message,
        "CreationTimestamp": trial.created,
        "Pictures": dict(zip(counted, counts, strict=True)),
    }


def _picture(picture: TrialPicture) -> Reply:
    predicted = None if picture.findings is None else ANOMALY if picture.findings.get("anomalous") else NORMAL
    members = {
        "SourceRef": picture.source_ref,
        "Name": picture.name,
        "Findings": picture.findings,
        "Error": picture.error,
        "Verified": picture.verified,
        "Correct": None if predicted is None or picture.verified is None else predicted == picture.verified,
        "Added": picture.added,
    }
    return present(members)
