"""Sample projects: drawn cars that are put into a dataset, trained on and hosted by one job, to see how it goes.

How far one is stands in the rows that everything else has, too: the dataset, the model and their jobs. So the job can be taken
up again at any moment, and whoever asks is told the same by any server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.projects import create_project
from walkaround.hosting.operations.rows import Reply, find_project
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.locks import lock_account
from walkaround.store.tables import Dataset, Job, Model, Project

KIND: Literal["sample"] = "sample"
"""The kind of the job."""
State = Literal["waiting", "running", "done", "failed"]
Step = Literal["draw", "dataset", "train", "start"]
DRAWING = "Drawing cars"
STEPS: tuple[Step, ...] = ("draw", "dataset", "train", "start")

_ENDED = ("done", "failed")
_FAILED = {"dataset": ("CREATE_FAILED",), "train": ("TRAINING_FAILED",), "start": ("HOSTING_FAILED",)}


def begin_sample(session: Session, owner: Owner, *, project_name: str, pictures: int, settings: Settings) -> Reply:
    """Make a project and the job that draws cars for it, trains on them and starts the model.

    Raises:
        ConflictError: there is a project of this name, or another sample is being made.
        QuotaError: there are as many projects as may be.
    """
    lock_account(session, owner.account)
    for project, job in _samples(session, owner):
        if job.state not in _ENDED:
            raise ConflictError(
                f"The sample project {project.name!r} is being made: wait until it is done.",
                resource_id=project.name,
                resource_type="PROJECT",
            )
    create_project(session, owner, project_name=project_name, at_most=settings.projects_per_account)
    project = find_project(session, owner, project_name)
    session.add(Job(kind=KIND, subject=project.id, progress={"doing": DRAWING, "done": 0, "of": pictures}))
    session.flush()
    return describe_sample(session, owner, project_name=project_name)


def list_samples(session: Session, owner: Owner) -> list[Reply]:
    """The sample projects whose jobs are remembered, the newest first."""
    return [_described(session, project, job) for project, job in _samples(session, owner)]


def describe_sample(session: Session, owner: Owner, *, project_name: str) -> Reply:
    """How far a sample project is, step by step.

    Raises:
        NotFoundError: there is no such project, or it is none of these.
    """
    wanted = find_project(session, owner, project_name)
    for project, job in _samples(session, owner):
        if project.id == wanted.id:
            return _described(session, project, job)
    raise NotFoundError(
        f"The project {project_name!r} is no sample: the sample projects are listed at /api/v1/samples.",
        resource_id=project_name,
        resource_type="PROJECT",
    )


def sample_rows(session: Session, project_id: int) -> tuple[Dataset | None, Model | None]:
    """The dataset and the first model of a sample project, as far as there are any."""
    dataset = session.scalars(select(Dataset).filter_by(project_id=project_id, kind="train")).one_or_none()
    model = session.scalars(select(Model).filter_by(project_id=project_id, version=1)).one_or_none()
    return dataset, model


def of_sample() -> ColumnElement[bool]:
    """That a job of this kind is about a project: once, SQLite gave the number of a project that was gone to the next one."""
    return and_(Job.subject == Project.id, Job.created >= Project.created)


def _samples(session: Session, owner: Owner) -> list[tuple[Project, Job]]:
    query = (
        select(Project, Job)
        .join(Job, of_sample())
        .where(Job.kind == KIND)
        .where(Project.account == owner.account, Project.region == owner.region)
        .order_by(Job.id.desc())
    )
    return [(project, job) for project, job in session.execute(query)]


def _described(session: Session, project: Project, job: Job) -> Reply:
    dataset, model = sample_rows(session, project.id)
    present = _present_step(dataset, model)
    state: State = "done" if job.state == "done" else "failed" if job.state == "failed" else "running"
    steps = [_step(session, name, present=present, state=state, job=job, dataset=dataset, model=model) for name in STEPS]
    version = str(model.version) if model is not None else None
    return {"Project": project.name, "State": state, "Error": job.error, "Steps": steps, "Version": version, "Id": job.id}


def _present_step(dataset: Dataset | None, model: Model | None) -> Step:
    if model is not None:
        return "train" if model.status in ("TRAINING", "TRAINING_FAILED") else "start"
    return "draw" if dataset is None else "dataset"


def _step(
    session: Session,
    name: Step,
    *,
    present: Step,
    state: State,
    job: Job,
    dataset: Dataset | None,
    model: Model | None,
) -> Reply:
    at, now_at = STEPS.index(name), STEPS.index(present)
    if state == "done" or at < now_at:
        return {"Step": name, "State": "done"}
    if at > now_at:
        return {"Step": name, "State": "waiting"}
    progress = _progress(session, name, job=job, dataset=dataset, model=model)
    return {"Step": name, "State": "failed" if state == "failed" else "running", **progress}


def _progress(session: Session, name: Step, *, job: Job, dataset: Dataset | None, model: Model | None) -> Reply:
    """What the job says that does this step: its own, or one of those that everybody's datasets and models have."""
    told: Mapping[str, Any] = job.progress or {}
    if name in ("train", "start") and model is not None:
        kind = "train" if name == "train" else "host"
        query = select(Job.progress).filter_by(kind=kind, subject=model.id).order_by(Job.id.desc()).limit(1)
        told = session.scalar(query) or {}
    elif name == "dataset" and dataset is not None:
        told = {}
    return {"Doing": told.get("doing"), "Done": told.get("done"), "Of": told.get("of")}


def failure_of(dataset: Dataset | None, model: Model | None) -> str | None:
    """Why a sample cannot go on; None where nothing is in its way."""
    if dataset is not None and dataset.status in _FAILED["dataset"]:
        return dataset.message
    if model is not None and model.status in (*_FAILED["train"], *_FAILED["start"]):
        return model.message or "The model could not be made ready."
    return None
