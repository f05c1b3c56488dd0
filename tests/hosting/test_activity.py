"""What is going on: hosted models, running jobs and what failed, of the caller's own projects alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests.hosting.conftest import Service

from walkaround.errors import ValidationError
from walkaround.hosting.operations import activity
from walkaround.hosting.operations.projects import remove_left
from walkaround.hosting.operations.samples import begin_sample
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Dataset, Job, Model, Project, now
from walkaround.store.trials import Trial


@pytest.fixture
def busy(cars: Service) -> Service:
    """Two models of `cars` (one hosted, one in training), and a hosted one of another account; no jobs."""
    with cars.database.transaction() as session:
        own = session.scalars(select(Project)).one()
        other = Project(account="111111111111", region="us-east-1", name="cars")
        session.add(other)
        session.flush()
        for project, version, status in ((own, 1, "HOSTED"), (own, 2, "TRAINING"), (other, 1, "HOSTED")):
            session.add(Model(project_id=project.id, version=version, status=status, output={}))
        session.add(Trial(project_id=own.id, name="new-cars", model_version=1, status="FAILED"))
        session.query(Job).delete()
    return cars


def put(service: Service, kind: str, subject: int, **members: Any) -> int:
    with service.database.transaction() as session:
        job = Job(kind=kind, subject=subject, **members)
        session.add(job)
        session.flush()
        return job.id


def failed(service: Service, page: tuple[str | None, int | None] = (None, None)) -> Any:
    return service.run(activity.failures, service.owner, page=page)


def test_hosted_models_are_those_of_the_account(busy: Service) -> None:
    assert [(one["ModelVersion"], one["Status"]) for one in busy.run(activity.hosted_models, busy.owner)] == [("1", "HOSTED")]
    nobody = Owner("222222222222", "us-east-1")
    assert busy.run(activity.hosted_models, nobody) == []


def test_running_jobs_are_told_with_what_they_are_about(busy: Service) -> None:
    put(busy, "train", 2, state="running", progress={"doing": "Reading pictures", "done": 3, "of": 9})
    put(busy, "host", 3)  # of the other account
    put(busy, "trial", 1, attempts=1, error="The bucket does not answer.")
    put(busy, "train", 99)  # of a model that is gone
    put(busy, "create_dataset", 1, state="done", ended=now())
    told = busy.run(activity.running_jobs, busy.owner)
    assert [(one["Kind"], one["ProjectName"], one["About"], one["Name"]) for one in told] == [
        ("trial", "cars", "trial", "new-cars"),
        ("train", "cars", "model", "2"),
    ]
    assert (told[1]["Doing"], told[1]["Done"], told[1]["Of"]) == ("Reading pictures", 3, 9)
    assert (told[0]["Error"], told[0]["NextTry"] is not None) == ("The bucket does not answer.", True)


def test_a_change_of_a_dataset_runs_under_its_name(busy: Service, make_line: Any) -> None:
    busy(
        "update_dataset_entries",
        project_name="cars",
        dataset_type="train",
        changes=make_line("train/n0.jpg", "anomaly").encode(),
    )
    (told,) = busy.run(activity.running_jobs, busy.owner)
    assert (told["Kind"], told["About"], told["Name"]) == ("update_dataset", "dataset", "train")


def test_failures_are_those_of_the_last_days_the_newest_first_page_by_page(busy: Service) -> None:
    moment = now()
    numbers = [
        put(busy, "train", 2, state="failed", error=f"{hours}", ended=moment - timedelta(hours=hours)) for hours in (1, 5, 3, 3)
    ]
    put(busy, "train", 2, state="failed", error="cancelled", ended=moment, cancelled=True)
    put(busy, "train", 2, state="failed", error="old", ended=moment - timedelta(days=31))
    put(busy, "train", 3, state="failed", error="of another", ended=moment)
    with busy.database.transaction() as session:
        dataset = session.scalars(select(Dataset)).one()
        dataset.status, dataset.message = "UPDATE_FAILED_ROLLBACK_COMPLETE", "Nothing was changed."
        dataset.updated = moment - timedelta(hours=3)
    whole = failed(busy)["Failures"]
    assert [one["Error"] for one in whole] == ["1", "3", "3", "Nothing was changed.", "5"]
    assert [one.get("Job") for one in whole] == [numbers[0], numbers[3], numbers[2], None, numbers[1]]
    shown, token = [], None
    for _ in range(5):
        page = failed(busy, (token, 1))
        shown += page["Failures"]
        token = page.get("NextToken")
    assert token is None
    assert shown == whole
    with pytest.raises(ValidationError, match="not of this listing"):
        failed(busy, ("AAAA", 1))


def test_a_sample_of_a_project_that_is_gone_is_told_to_nobody_else(service: Service) -> None:
    """SQLite gives the number of the last project to the next one, whoever makes it."""
    service.run(begin_sample, service.owner, project_name="drawn", pictures=60, settings=service.settings)
    with service.database.transaction() as session:
        job, number = session.scalars(select(Job)).one(), session.scalars(select(Project.id)).one()
        job.state, job.ended, job.error = "failed", now(), "No space is left on /data/000000000000."
    service("delete_project", project_name="drawn")
    while service.run(remove_left, number):
        pass
    stranger = Owner("111111111111", "us-east-1")
    with service.database.transaction() as session:
        session.query(Job).filter_by(kind="delete_project").delete()
        service.host.create_project(session, stranger, project_name="theirs")
    assert service.run(activity.failures, stranger) == {"Failures": []}
    assert service.run(activity.running_jobs, stranger) == []
