"""What an account's server is doing: models that are hosted, work that is going on, and what failed lately."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from walkaround.hosting.operations.models.models import HOSTING
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import Reply
from walkaround.hosting.operations.samples import KIND as SAMPLE
from walkaround.hosting.operations.samples import of_sample
from walkaround.hosting.owner import Owner
from walkaround.store.checks import Check, Export
from walkaround.store.drafts import Drafting
from walkaround.store.tables import Change, Dataset, Job, Model, Packaging, Project, now
from walkaround.store.trials import Trial

LATELY_DAYS = 30
"""For so long jobs that have ended are known."""
MOST_RUNNING = 200
"""Jobs that are told of at once, the newest first."""
_FAILED_DATASETS = ("CREATE_FAILED", "UPDATE_FAILED_ROLLBACK_COMPLETE", "UPDATE_FAILED_ROLLBACK_IN_PROGRESS")
_OF_DATASETS = ("create_dataset", "update_dataset")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_JOB, _DATASET = 1, 0  # which comes first of two that failed at the same moment


def hosted_models(session: Session, owner: Owner) -> list[Reply]:
    """Models that are hosted, started or stopped at the moment, or could not be started, by project and version."""
    query = (
        select(Model, Project.name)
        .join(Project, Project.id == Model.project_id)
        .where(*_own(owner), Model.status.in_((*HOSTING, "HOSTING_FAILED")))
        .order_by(Project.name, Model.version)
    )
    return [
        {
            "ProjectName": name,
            "ModelVersion": str(model.version),
            "Status": model.status,
            "StatusMessage": model.message,
            "MinInferenceUnits": model.min_units,
            "MaxInferenceUnits": model.max_units,
        }
        for model, name in session.execute(query)
    ]


def running_jobs(session: Session, owner: Owner) -> list[Reply]:
    """Accepted work that has not ended, the newest first: due, running, or to be tried again."""
    subjects = _subjects(owner, Job.state.in_(("due", "running")))
    query = select(Job, *_about(subjects)).join(subjects, subjects.c.job == Job.id).order_by(Job.id.desc())
    return [_job(*row) for row in session.execute(query.limit(MOST_RUNNING))]


def failures(session: Session, owner: Owner, *, page: tuple[str | None, int | None] = (None, None)) -> Reply:
    """What failed in the last 30 days, the newest first: trainings, packagings, trials and whatever else was accepted, and
    datasets that are not as somebody wanted them to be.

    What a person cancelled did not fail. A dataset that was changed since is not told of any more.

    Args:
        session: any.
        owner: whose they are.
        page: NextToken and MaxResults.

    Raises:
        ValidationError: the token is not of this listing, or the size of the page is not allowed.
    """
    opened = open_page("Failures", owner, next_token=page[0], max_results=page[1], parts=3)
    after = None if opened.after is None else (_EPOCH + opened.after[0] * _MICROSECOND, *opened.after[1:])
    found = sorted(
        [*_failed_jobs(session, owner, opened.size + 1, after), *_failed_datasets(session, owner, opened.size + 1, after)],
        key=lambda one: one["Position"],
        reverse=True,
    )
    shown = found[: opened.size]
    token = None
    if len(found) > opened.size:
        moment, rank, number = shown[-1]["Position"]
        token = opened.token_after((moment - _EPOCH) // _MICROSECOND, rank, number)
    return paged("Failures", shown, token)


def _failed_jobs(session: Session, owner: Owner, most: int, after: tuple[Any, ...] | None) -> list[Reply]:
    lately = now() - timedelta(days=LATELY_DAYS)
    wanted = and_(Job.state == "failed", Job.ended >= lately, ~Job.cancelled, Job.kind.not_in(_OF_DATASETS))
    subjects = _subjects(owner, wanted)
    query = select(Job, *_about(subjects)).join(subjects, subjects.c.job == Job.id)
    query = query.where(*_behind(Job.ended, Job.id, _JOB, after)).order_by(Job.ended.desc(), Job.id.desc())
    rows = session.execute(query.limit(most))
    return [{**_job(*row), "Position": (row[0].ended, _JOB, row[0].id)} for row in rows]


def _failed_datasets(session: Session, owner: Owner, most: int, after: tuple[Any, ...] | None) -> list[Reply]:
    lately = now() - timedelta(days=LATELY_DAYS)
    query = select(Dataset, Project.name).join(Project, Project.id == Dataset.project_id)
    query = query.where(*_own(owner), Dataset.status.in_(_FAILED_DATASETS), Dataset.updated >= lately)
    query = query.where(*_behind(Dataset.updated, Dataset.id, _DATASET, after))
    query = query.order_by(Dataset.updated.desc(), Dataset.id.desc()).limit(most)
    return [
        {
            "Kind": "dataset",
            "ProjectName": name,
            "About": "dataset",
            "Name": dataset.kind,
            "Error": dataset.message,
            "Ended": dataset.updated,
            "Position": (dataset.updated, _DATASET, dataset.id),
        }
        for dataset, name in session.execute(query)
    ]


def _behind(moment: Any, number: Any, rank: int, after: tuple[Any, ...] | None) -> list[ColumnElement[bool]]:
    """Behind a row of the listing; rows are in order of time, rank and number, falling."""
    if after is None:
        return []
    when, its_rank, its_number = after
    if rank == its_rank:
        return [tuple_(moment, number) < (when, its_number)]
    return [moment < when if rank > its_rank else moment <= when]


def _own(owner: Owner) -> Sequence[ColumnElement[bool]]:
    return Project.account == owner.account, Project.region == owner.region


def _subjects(owner: Owner, wanted: ColumnElement[bool]) -> Any:
    """Jobs of an account's projects, with what each is about; a job whose subject is gone has nobody to be told."""
    queries = [
        _subject("model", cast(Model.version, String), Model, of=("train", "host", "unhost", "delete_model")),
        _subject("dataset", Dataset.kind, Dataset, of=("create_dataset",)),
        _subject("packaging", Packaging.name, Packaging, of=("package",)),
        _subject("trial", Trial.name, Trial, of=("trial",)),
        _subject("export", Export.form, Export, of=("export",)),
        _named("project", Project.name, of=(SAMPLE,)).join(Project, of_sample()),
        _of_dataset(Change, of="update_dataset"),
        _of_dataset(Check, of="check"),
        _of_dataset(Drafting, of="draft"),
    ]
    return union_all(*(query.where(*_own(owner), wanted) for query in queries)).subquery()


def _subject(about: str, name: Any, table: Any, *, of: Sequence[str]) -> Select[Any]:
    query = _named(about, name, of=of).join(table, table.id == Job.subject)
    return query.join(Project, Project.id == table.project_id)


def _of_dataset(table: Any, *, of: str) -> Select[Any]:
    query = _named("dataset", Dataset.kind, of=(of,)).join(table, table.id == Job.subject)
    return query.join(Dataset, Dataset.id == table.dataset_id).join(Project, Project.id == Dataset.project_id)


def _named(about: str, name: Any, *, of: Sequence[str]) -> Select[Any]:
    query = select(Job.id.label("job"), Project.name.label("project"), literal(about).label("about"), name.label("name"))
    return query.select_from(Job).where(Job.kind.in_(of))


def _about(subjects: Any) -> tuple[Any, ...]:
    return subjects.c.project, subjects.c.about, subjects.c.name


def _job(job: Job, project: str, about: str, name: str) -> Reply:
    progress = job.progress or {}
    return {
        "Job": job.id,
        "Kind": job.kind,
        "ProjectName": project,
        "About": about,
        "Name": name,
        "State": job.state,
        "Attempts": job.attempts,
        "NextTry": job.due if job.state == "due" and job.attempts else None,
        "Created": job.created,
        "Ended": job.ended,
        "Doing": progress.get("doing"),
        "Done": progress.get("done"),
        "Of": progress.get("of"),
        "Error": job.error,
    }
