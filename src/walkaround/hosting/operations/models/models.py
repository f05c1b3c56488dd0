"""Models: numbered versions of a project; what may be done to one depends on its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, QuotaError, ValidationError
from walkaround.hosting.operations.attempts import with_attempts
from walkaround.hosting.operations.datasets.kept_drafts import forget_drafts_of_model, is_drafting
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import JobKind, Reply, add_job, find_model, find_project, present
from walkaround.hosting.operations.tags import write_tags
from walkaround.hosting.operations.training.training_sets import training_sets
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import Endpoint, Job, Model, Packaging, Project, Tag, Threshold, TrainingLine, now
from walkaround.store.trials import Trial

HOSTING = ("STARTING_HOSTING", "HOSTED", "STOPPING_HOSTING", "SYSTEM_UPDATING")
"""Statuses in which a model occupies inference units."""

TRAINED = ("TRAINED", "HOSTING_FAILED", *HOSTING)
"""Statuses in which a model has been trained."""

_MESSAGES = {
    "TRAINING": "The model is being trained.",
    "TRAINED": "Training completed successfully.",
    "TRAINING_FAILED": "Training failed.",
    "STARTING_HOSTING": "The model is being started.",
    "HOSTED": "The model is running.",
    "HOSTING_FAILED": "The model could not be started: start it again, or train another version.",
    "STOPPING_HOSTING": "The model is being stopped.",
    "SYSTEM_UPDATING": "The model is being moved; it answers again soon.",
    "DELETING": "The model is being deleted.",
}
_JOBS: Mapping[str, JobKind] = {
    "TRAINING": "train",
    "STARTING_HOSTING": "host",
    "STOPPING_HOSTING": "unhost",
    "DELETING": "delete_model",
}
"""Which job brings a model out of a status."""


def create_model(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    output_config: dict[str, Any],
    settings: Settings,
    details: Reply | None = None,
) -> Reply:
    """Make the next version and have it trained by a job.

    Args:
        session: of a transaction.
        owner: whose project it is.
        project_name: its name.
        output_config: where the evaluation is written to, as in the request.
        settings: the limits.
        details: `Description`, `KmsKeyId`, `Tags` and `Options` (of the training), those that were given.

    Raises:
        NotFoundError: there is no such project.
        ConflictError: the datasets are missing, not ready, or too small.
        QuotaError: there are too many models, or too many are being trained.
        ValidationError: a tag is given twice.
        AccessDeniedError: the output goes to the bucket of another account.
    """
    require_own_bucket(owner, output_config["S3Location"]["Bucket"])
    project = find_project(session, owner, project_name, to_change=True)
    _check_training_limits(session, owner, project, settings=settings)
    train, test = training_sets(session, project)
    details = details or {}
    project.last_version += 1
    model = Model(
        project_id=project.id,
        version=project.last_version,
        train_dataset_id=train.id,
        test_dataset_id=test.id if test else None,
        description=details.get("Description"),
        kms_key_id=details.get("KmsKeyId"),
        status="TRAINING",
        output=output_config,
        options=details.get("Options"),
    )
    session.add(model)
    session.flush()
    write_tags(session, owner, project, model, tags=details.get("Tags") or [])
    add_job(session, "train", model.id)
    return {"ModelMetadata": _metadata(session, owner, project, model)}


def list_models(
    session: Session, owner: Owner, *, project_name: str, next_token: str | None = None, max_results: int | None = None
) -> Reply:
    """The models of a project by version, the first first.

    Raises:
        NotFoundError: there is no such project.
        ValidationError: the token or `max_results` is not allowed.
    """
    project = find_project(session, owner, project_name)
    page = open_page("ListModels", owner, project.id, next_token=next_token, max_results=max_results)
    shown, token = page.of(session, select(Model).filter_by(project_id=project.id), Model.version)
    return paged("Models", [_metadata(session, owner, project, model) for model in shown], token)


def describe_model(session: Session, owner: Owner, *, project_name: str, model_version: str) -> Reply:
    """All that is known of a model.

    Raises:
        NotFoundError: there is no such project or model.
    """
    project = find_project(session, owner, project_name)
    model = find_model(session, project, model_version)
    hosting = model.status in HOSTING
    description = {
        **_metadata(session, owner, project, model),
        "OutputConfig": model.output,
        "EvaluationManifest": model.evaluation_manifest,
        "EvaluationResult": model.evaluation_result,
        "EvaluationEndTimestamp": model.evaluation_ended,
        "KmsKeyId": model.kms_key_id,
        "MinInferenceUnits": model.min_units if hosting else None,
        "MaxInferenceUnits": model.max_units if hosting else None,
    }
    return {"ModelDescription": present(description)}


def delete_model(session: Session, owner: Owner, *, project_name: str, model_version: str) -> Reply:
    """Have a model deleted by a job. Repeating it while it is being deleted changes nothing.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is being trained, hosted, packaged or tried, or an endpoint needs it.
    """
    project = find_project(session, owner, project_name, to_change=True)
    model = find_model(session, project, model_version, to_change=True)
    if model.status == "TRAINING" or model.status in HOSTING:
        way_out = "wait until it is trained" if model.status == "TRAINING" else "stop it first"
        raise _conflict(project, model, f"is in status {model.status}: {way_out}")
    endpoint = session.scalar(select(Endpoint.name).filter_by(model_id=model.id).order_by(Endpoint.name).limit(1))
    if endpoint is not None:
        raise _conflict(project, model, f"answers at the endpoint {endpoint!r}: delete that first")
    if _busy(session, project, model):
        raise _conflict(
            project, model, "is in use by a packaging job, a trial detection or drafts: try again when that is done"
        )
    if model.status != "DELETING":
        model.status, model.message = "DELETING", ""
        add_job(session, "delete_model", model.id)
    return {"ModelArn": owner.model_arn(project.name, model.version)}


def start_model(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    model_version: str,
    units: tuple[int, int | None],
    settings: Settings,
) -> Reply:
    """Have a model hosted by a job.

    Args:
        session: of a transaction.
        owner: whose it is.
        project_name: its project.
        model_version: a number or "latest".
        units: inference units at least and at most; without the latter their number does not change.
        settings: the limits.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is in no status in which it can be started.
        ValidationError: the units are no range.
        QuotaError: there are too many units or hosted models.
    """
    least, most = units
    if least < 1 or (most is not None and most < least):
        raise ValidationError(
            f"maxInferenceUnits ({most}) must not be below the least number of units ({least}), which is 1 or more."
        )
    project = find_project(session, owner, project_name, to_change=True)
    model = find_model(session, project, model_version, to_change=True)
    if model.status not in ("TRAINED", "HOSTING_FAILED"):
        raise _conflict(project, model, f"is in status {model.status}; only a model in status TRAINED can be started")
    _check_hosting_limits(session, owner, project, units=most or least, settings=settings)
    model.status, model.message, model.min_units, model.max_units = "STARTING_HOSTING", "", least, most
    add_job(session, "host", model.id)
    return {"Status": model.status}


def stop_model(session: Session, owner: Owner, *, project_name: str, model_version: str) -> Reply:
    """Have a hosted model stopped by a job.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is not hosted.
    """
    project = find_project(session, owner, project_name, to_change=True)
    model = find_model(session, project, model_version, to_change=True)
    if model.status != "HOSTED":
        raise _conflict(project, model, f"is in status {model.status}; only a model in status HOSTED can be stopped")
    model.status, model.message = "STOPPING_HOSTING", ""
    add_job(session, "unhost", model.id)
    return {"Status": model.status}


def cancel_training(session: Session, owner: Owner, *, project_name: str, model_version: str) -> int:
    """Ask the job that trains a model to end; the model becomes TRAINING_FAILED when it has.

    Returns:
        The job's id.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is not being trained.
    """
    project = find_project(session, owner, project_name, to_change=True)
    model = find_model(session, project, model_version, to_change=True)
    if model.status != "TRAINING":
        raise _conflict(project, model, f"is in status {model.status}; only a training can be cancelled")
    query = select(Job).filter_by(kind="train", subject=model.id).where(Job.ended.is_(None))
    job = session.scalars(query.with_for_update()).one()
    job.cancelled, job.due = True, min(job.due, now())  # one that waits for another attempt need not
    session.flush()
    return job.id


def remove_model(session: Session, model_id: int) -> None:
    """Remove a model that DeleteModel accepted, with its tags; its files are gone by then."""
    model = session.get(Model, model_id, with_for_update=True)
    if model is not None and model.status == "DELETING":
        for rows in (Tag, Threshold, TrainingLine):
            session.execute(delete(rows).where(rows.model_id == model_id))
        forget_drafts_of_model(session, model.project_id, model.version)
        session.delete(model)
        session.flush()


def _metadata(session: Session, owner: Owner, project: Project, model: Model) -> Reply:
    performance = present({"F1Score": model.f1, "Recall": model.recall, "Precision": model.precision})
    message = model.message or _MESSAGES[model.status]
    if model.status in _JOBS:
        message = with_attempts(session, message, kind=_JOBS[model.status], subject=model.id)
    metadata = {
        "CreationTimestamp": model.created,
        "ModelVersion": str(model.version),
        "ModelArn": owner.model_arn(project.name, model.version),
        "Description": model.description,
        "Status": model.status,
        "StatusMessage": message,
        "Performance": performance if model.status in TRAINED else None,
    }
    return present(metadata)


def _count(session: Session, owner: Owner, statuses: Sequence[str]) -> int:
    """Models of an account in all regions: a caller names any region, so that a limit for each would be none."""
    query = select(func.count()).select_from(Model).join(Project, Project.id == Model.project_id)
    own = query.where(Project.account == owner.account, Model.status.in_(statuses))
    return session.scalars(own).one()


def _check_training_limits(session: Session, owner: Owner, project: Project, *, settings: Settings) -> None:
    if _count(session, owner, ["TRAINING"]) >= settings.trainings_at_once:
        raise _quota(project, "trainings_at_once", f"{settings.trainings_at_once} models are being trained: wait for one")
    existing = session.scalars(select(func.count()).select_from(Model).filter_by(project_id=project.id)).one()
    if existing >= settings.models_per_project:
        raise _quota(project, "models_per_project", f"the project has {settings.models_per_project} models: delete one")


def _check_hosting_limits(session: Session, owner: Owner, project: Project, *, units: int, settings: Settings) -> None:
    if units > settings.units_per_model:
        told = f"{units} inference units are more than the {settings.units_per_model} of one model: ask for fewer"
        raise _quota(project, "units_per_model", told)
    if _count(session, owner, HOSTING) >= settings.running_models:
        raise _quota(project, "running_models", f"{settings.running_models} models are hosted: stop one")


def _busy(session: Session, project: Project, model: Model) -> bool:
    packagings = select(Packaging.id).filter_by(project_id=project.id, model_version=str(model.version))
    trials = select(Trial.id).filter_by(project_id=project.id, model_version=model.version, status="RUNNING")
    busy = packagings.where(Packaging.status.in_(["CREATED", "RUNNING"]))
    at_work = [session.scalar(query.limit(1)) is not None for query in (busy, trials)]
    return any(at_work) or is_drafting(session, project.id, model.version)


def _conflict(project: Project, model: Model, what: str) -> ConflictError:
    return ConflictError(
        f"Model {model.version} of project {project.name!r} {what}.",
        resource_id=f"{project.name}/{model.version}",
        resource_type="MODEL",
    )


def _quota(project: Project, setting: str, what: str) -> QuotaError:
    return QuotaError(
        f"A limit is reached, {what}, or have the setting {setting} raised.",
        quota_code=setting,
        resource_id=project.name,
        resource_type="MODEL",
    )
