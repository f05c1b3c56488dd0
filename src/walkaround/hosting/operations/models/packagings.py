"""Model packaging jobs: what may be asked for, and what is told of them."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, ValidationError
from walkaround.hosting.operations.attempts import with_attempts
from walkaround.hosting.operations.models.models import TRAINED
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import Reply, add_job, find_model, find_packaging, find_project, present
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Packaging, Project

METHOD = "Greengrass"
"""ModelPackagingMethod: how the component is packed."""

_MESSAGES = {
    "CREATED": "The packaging job waits for its turn.",
    "RUNNING": "The model is being packaged.",
    "SUCCEEDED": "The model was packaged.",
    "FAILED": "The model could not be packaged.",
}
_NVIDIA_OPTIONS = ("gpu-code", "trt-ver", "cuda-ver")


def start_model_packaging_job(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    model_version: str,
    configuration: dict[str, Any],
    names: tuple[str | None, str | None] = (None, None),
) -> Reply:
    """Have a trained model packaged by a job.

    Args:
        session: of a transaction.
        owner: whose model it is.
        project_name: its project.
        model_version: a number or "latest".
        configuration: as in the request.
        names: the job's name (a UUID without one) and description.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: the model is not trained, or the job or component exists.
        ValidationError: the configuration contradicts itself.
        AccessDeniedError: the output goes to the bucket of another account.
    """
    greengrass = configuration["Greengrass"]
    _check_target(greengrass)
    require_own_bucket(owner, greengrass["S3OutputLocation"]["Bucket"])
    project = find_project(session, owner, project_name, to_change=True)
    model = find_model(session, project, model_version, to_change=True)
    if model.status not in TRAINED:
        raise ConflictError(
            f"Model {model.version} of project {project_name!r} is {model.status}: only a trained one can be packaged.",
            resource_id=f"{project_name}/{model.version}",
            resource_type="MODEL",
        )
    name = names[0] or str(uuid.uuid4())
    component, version = greengrass["ComponentName"], greengrass.get("ComponentVersion") or f"{model.version}.0.0"
    _check_new(session, owner, project, job=name, component=(component, version))
    packaging = Packaging(
        project_id=project.id,
        name=name,
        model_version=str(model.version),
        component_name=component,
        component_version=version,
        configuration=configuration,
        description=names[1],
        status="CREATED",
    )
    session.add(packaging)
    session.flush()
    add_job(session, "package", packaging.id)
    return {"JobName": name}


def list_model_packaging_jobs(
    session: Session, owner: Owner, *, project_name: str, next_token: str | None = None, max_results: int | None = None
) -> Reply:
    """The packaging jobs of a project in the order in which they were started.

    Raises:
        NotFoundError: there is no such project.
        ValidationError: the token or `max_results` is not allowed.
    """
    project = find_project(session, owner, project_name)
    page = open_page("ListModelPackagingJobs", owner, project.id, next_token=next_token, max_results=max_results)
    shown, token = page.of(session, select(Packaging).filter_by(project_id=project.id), Packaging.id)
    return paged("ModelPackagingJobs", [_metadata(session, project, packaging) for packaging in shown], token)


def describe_model_packaging_job(session: Session, owner: Owner, *, project_name: str, job_name: str) -> Reply:
    """All that is known of a packaging job.

    Raises:
        NotFoundError: there is no such project or job.
    """
    project = find_project(session, owner, project_name)
    packaging = find_packaging(session, project, job_name)
    description = {
        **_metadata(session, project, packaging),
        "ModelPackagingConfiguration": packaging.configuration,
        "ModelPackagingOutputDetails": {"Greengrass": packaging.output} if packaging.output else None,
    }
    return {"ModelPackagingDescription": present(description)}


def _metadata(session: Session, project: Project, packaging: Packaging) -> Reply:
    message = packaging.message or _MESSAGES[packaging.status]
    if packaging.status in ("CREATED", "RUNNING"):
        message = with_attempts(session, message, kind="package", subject=packaging.id)
    metadata = {
        "JobName": packaging.name,
        "ProjectName": project.name,
        "ModelVersion": packaging.model_version,
        "ModelPackagingJobDescription": packaging.description,
        "ModelPackagingMethod": METHOD,
        "Status": packaging.status,
        "StatusMessage": message,
        "CreationTimestamp": packaging.created,
        "LastUpdatedTimestamp": packaging.updated,
    }
    return present(metadata)


def _check_target(greengrass: dict[str, Any]) -> None:
    platform = greengrass.get("TargetPlatform")
    if (platform is None) == (greengrass.get("TargetDevice") is None):
        raise ValidationError("The configuration must name either TargetDevice or TargetPlatform, and not both.")
    options = _compiler_options(greengrass.get("CompilerOptions"))
    missing = [name for name in _NVIDIA_OPTIONS if name not in options]
    if platform and platform.get("Accelerator") == "NVIDIA" and missing:
        raise ValidationError(f"CompilerOptions lacks {', '.join(missing)}, which the accelerator NVIDIA needs: add them.")


def _compiler_options(text: str | None) -> dict[str, Any]:
    try:
        options = json.loads(text or "{}")
    except (ValueError, RecursionError):
        options = None
    if not isinstance(options, dict):
        raise ValidationError('CompilerOptions must be a JSON object in a string, such as {"mcpu": "core-avx2"}.')
    return options


def _check_new(session: Session, owner: Owner, project: Project, *, job: str, component: tuple[str, str]) -> None:
    if session.scalar(select(Packaging.id).filter_by(project_id=project.id, name=job)):
        raise ConflictError(
            f"The project {project.name!r} has a packaging job {job!r} already: choose another JobName, or leave it out.",
            resource_id=job,
            resource_type="MODEL_PACKAGE_JOB",
        )
    name, version = component
    made = select(Packaging.id).filter_by(component_name=name, component_version=version).join(Project)
    own = made.where(Project.account == owner.account, Project.region == owner.region, Packaging.status != "FAILED")
    if session.scalar(own.limit(1)):
        raise ConflictError(
            f"There is a component {name!r} of version {version} already: choose another ComponentName or ComponentVersion.",
            resource_id=job,
            resource_type="MODEL_PACKAGE_JOB",
        )
