"""Models over REST: trained, measured, started, stopped and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError, WalkaroundError, writing
from walkaround.hosting.operations.models.models import cancel_training
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.hosting.operations.training.training_options import TrainingOptions, check_options
from walkaround.hosting.operations.training.training_plan import require_trainable
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.models.measured import measured_of
from walkaround.web.rest.models.model_summary import ModelSummary, summaries_of
from walkaround.web.rest.models.operating import scorecard_at
from walkaround.web.rest.models.training import options_of
from walkaround.web.rest.shapes import Accepted, Limit, Model, Models, NewModel, NextPage, Output, ProjectName, Units, Version
from walkaround.web.uploads import managed_bucket

router = APIRouter(prefix="/projects/{project}/models", tags=["models"])


@router.get("")
def list_models(visit: Reader, project: ProjectName, limit: Limit = 100, page: NextPage = None) -> Models:
    """List the models of a project by version."""
    host = visit.service.host

    def act(session: Session) -> dict[str, Any]:
        reply = host.list_models(session, visit.owner, project_name=project, next_token=page, max_results=limit)
        return {**reply, "Summaries": summaries_of(session, visit.owner, project, reply["Models"])}

    reply = visit.look(act)
    models = [_model(one, reply["Summaries"].get(one["ModelVersion"])) for one in reply["Models"]]
    return Models(models=models, next=reply.get("NextToken"))


@router.post("", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def train_model(visit: Changer, project: ProjectName, new: NewModel, token: IdempotencyKey = None) -> Model:
    """Train the next version on the datasets of the project as they are now.

    What will be trained the labels decide; `GET …/training-plan` tells it before. One that would be refused is a 409 at once.
    """
    host, settings = visit.service.host, visit.service.settings
    options = options_of(new.minutes, new.quality, new.parts, multi_label=new.multi_label)
    check_options(options, settings)
    place = _output(visit, project, new.output)

    refusal = _refusal(visit, project, options)

    def act(session: Session) -> dict[str, Any]:
        if refusal is not None:  # here, where a request that came before has been answered already
            raise refusal
        return host.create_model(
            session,
            visit.owner,
            project_name=project,
            output_config={"S3Location": {"Bucket": place.bucket, "Prefix": place.prefix}},
            description=new.description,
            tags=[{"Key": key, "Value": value} for key, value in new.tags.items()],
            options=options.told(),
        )

    reply = visit.change(
        "train_model",
        act,
        token=token,
        project=project,
        new=new.model_dump(),
    )
    return _model({**reply["ModelMetadata"], "Job": reply.get("Job")})


def _refusal(visit: Visit, project: str, options: TrainingOptions) -> WalkaroundError | None:
    """Why the labels cannot be trained on. It takes a second with 20,000 pictures, in which others shall write."""
    settings = visit.service.settings

    def look(session: Session) -> dict[str, Any]:
        require_trainable(session, visit.owner, project_name=project, options=options, settings=settings)
        return {}

    try:
        visit.look(look)
    except (ConflictError, NotFoundError) as refusal:
        return refusal
    return None


@router.get("/{version}", response_model_exclude_none=True)
def describe_model(visit: Reader, project: ProjectName, version: Version) -> Model:
    """Tell of a model."""
    host = visit.service.host
    reply = visit.look(lambda session: host.describe_model(session, visit.owner, project_name=project, model_version=version))
    return _model(reply["ModelDescription"])


@router.get("/{version}/evaluation")
def evaluation(
    visit: Reader,
    project: ProjectName,
    version: Version,
    threshold: Annotated[
        float | None, Query(ge=0, le=1, description="Score the verdicts at this probability of damage, not at the training's.")
    ] = None,
) -> dict[str, Any]:
    """Give the scorecard of a model: its scores with intervals, and its curves; at the training's threshold or another."""
    if threshold is not None:
        return scorecard_at(measured_of(visit, project, version)[1], threshold)

    def act(session: Session) -> dict[str, Any]:
        model = find_model(session, find_project(session, visit.owner, project), version)
        if model.scores is None:
            raise ConflictError(
                f"Model {model.version} of project {project!r} has not been measured: its status is {model.status}.",
                resource_id=f"{project}/{model.version}",
                resource_type="MODEL",
            )
        return model.scores

    return visit.look(act)


@router.post("/{version}/cancel", status_code=status.HTTP_202_ACCEPTED)
def cancel(visit: Changer, project: ProjectName, version: Version) -> Accepted:
    """Cancel a training; the model's status becomes TRAINING_FAILED when it has ended."""

    def act(session: Session) -> dict[str, Any]:
        job = cancel_training(session, visit.owner, project_name=project, model_version=version)
        return {"Job": job_handle(visit.service.ring, visit.owner, job)}

    return Accepted(status="TRAINING", job=visit.change("cancel_training", act)["Job"])


@router.post("/{version}/start", status_code=status.HTTP_202_ACCEPTED)
def start_model(visit: Changer, project: ProjectName, version: Version, units: Units, token: IdempotencyKey = None) -> Accepted:
    """Host a model, so that it inspects pictures."""
    host = visit.service.host
    reply = visit.change(
        "start_model",
        lambda session: host.start_model(
            session,
            visit.owner,
            project_name=project,
            model_version=version,
            min_inference_units=units.min_units,
            max_inference_units=units.max_units,
        ),
        token=token,
        project=project,
        version=version,
        units=units.model_dump(),
    )
    return Accepted(status=reply["Status"], job=reply.get("Job"))


@router.post("/{version}/stop", status_code=status.HTTP_202_ACCEPTED)
def stop_model(visit: Changer, project: ProjectName, version: Version, token: IdempotencyKey = None) -> Accepted:
    """Stop hosting a model; pictures in work are answered."""
    host = visit.service.host
    reply = visit.change(
        "stop_model",
        lambda session: host.stop_model(session, visit.owner, project_name=project, model_version=version),
        token=token,
        project=project,
        version=version,
    )
    return Accepted(status=reply["Status"], job=reply.get("Job"))


@router.delete("/{version}", status_code=status.HTTP_202_ACCEPTED)
def delete_model(visit: Changer, project: ProjectName, version: Version) -> Accepted:
    """Delete a model that is neither trained, hosted, packaged nor tried at the moment."""
    host = visit.service.host
    reply = visit.change(
        "delete_model",
        lambda session: host.delete_model(session, visit.owner, project_name=project, model_version=version),
    )
    return Accepted(status="DELETING", job=reply.get("Job"))


def _output(visit: Visit, project: str, given: Output | None) -> Output:
    """Where the evaluation goes; without a wish into the account's own bucket, which is made where it is not there."""
    if given is not None:
        return given
    bucket = managed_bucket(visit.owner.account)
    folder = visit.service.settings.data / "buckets" / bucket
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return Output(bucket=bucket, prefix=f"evaluation/{project}/")


def _model(members: Mapping[str, Any], summary: ModelSummary | None = None) -> Model:
    scores = members.get("Performance", {})
    place = members.get("OutputConfig", {}).get("S3Location")
    return Model(
        version=members["ModelVersion"],
        arn=members["ModelArn"],
        status=members["Status"],
        message=members.get("StatusMessage", ""),
        created=members["CreationTimestamp"],
        description=members.get("Description"),
        f1=scores.get("F1Score"),
        recall=scores.get("Recall"),
        precision=scores.get("Precision"),
        min_units=members.get("MinInferenceUnits"),
        max_units=members.get("MaxInferenceUnits"),
        output=None if place is None else Output.model_construct(bucket=place["Bucket"], prefix=place.get("Prefix", "")),
        job=members.get("Job"),
        summary=summary,
    )
