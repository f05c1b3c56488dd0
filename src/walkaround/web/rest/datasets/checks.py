"""Checks of datasets over REST: begun, read as things to act on, and settled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, status
from pydantic import BaseModel, Field

from walkaround.hosting.operations.datasets.checking import begin_check, cancel_check, describe_check, settle
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.shapes import Counted, KindInPath, ProjectName, Strict

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["datasets"])


class NewCheck(Strict):
    """A check to begin."""

    labels: bool = Field(default=True, description="Look for wrong labels too, which takes one pass of a network.")


class CheckedProblem(BaseModel):
    """A kind of problem of a dataset; the gallery's filter `flag` shows its pictures."""

    kind: str = Field(description="A short fixed name, such as near-two-labels.")
    severity: Literal["error", "warning", "note"] = Field(
        description="An error spoils training, a warning lowers its worth, a note is good to know."
    )
    messages: list[str] = Field(description="A sentence for each problem, the first fifty: what is wrong, and what to do.")
    count: int = Field(description="Problems of this kind.")
    pictures: int = Field(description="Pictures that they are about.")
    standing: int | None = Field(description="Those of the pictures that still stand: not corrected, removed or settled.")


class CheckReport(BaseModel):
    """What a check found."""

    ended: datetime = Field(description="When it was found.")
    outdated: bool = Field(description="Whether the dataset has changed since.")
    passed: bool = Field(description="Whether nothing would spoil training.")
    read_labels: bool = Field(description="Whether it was looked for wrong labels: too few pictures teach nothing.")
    pictures: int = Field(description="Pictures of the dataset.")
    counts: dict[str, int] = Field(description="Usable pictures of each label.")
    unlabelled: int = Field(description="Usable pictures without a label.")
    places: dict[str, int] = Field(description="Boxes and masks of each kind.")
    problems: list[CheckedProblem] = Field(description="The worst first.")


class CheckOfDataset(BaseModel):
    """The newest check of a dataset, and what the newest complete one found."""

    status: Literal["RUNNING", "COMPLETE", "FAILED"] = Field(description="Of the newest check.")
    message: str = Field(description="Why it failed.")
    labels: bool = Field(description="Whether it looks for wrong labels.")
    created: datetime = Field(description="When it was begun.")
    ended: datetime | None = Field(description="When it ended.")
    job: str | None = Field(description="The job that does it; null where it has ended.")
    report: CheckReport | None = Field(description="Of the newest complete check.")


class NewSettlement(Strict):
    """What a person says of pictures that a check named."""

    entries: Annotated[
        list[Annotated[int, Field(ge=1, le=2**53)]],
        Field(min_length=1, max_length=20_000, description="Numbers of the entries, from the gallery."),
    ]
    kind: Annotated[str, Field(pattern=r"^[a-z-]{1,24}$", description="The kind of problem.")]
    settled: bool = Field(default=True, description="Whether it is none; false takes that back.")


@router.post("/check", status_code=status.HTTP_202_ACCEPTED)
def start_check(
    visit: Changer, project: ProjectName, kind: KindInPath, new: NewCheck, token: IdempotencyKey = None
) -> CheckOfDataset:
    """Check a dataset by a job: unreadable and tiny pictures, copies, wrong labels, shortcuts, and what else spoils a model."""
    reply = visit.change(
        "start_check",
        lambda session: begin_check(session, visit.owner, project_name=project, dataset_type=kind, labels=new.labels),
        token=token,
        project=project,
        kind=kind,
        new=new.model_dump(),
    )
    return _check(visit, reply["Check"])


@router.get("/check")
def read_check(visit: Reader, project: ProjectName, kind: KindInPath) -> CheckOfDataset:
    """Tell how the newest check of a dataset stands, and what the newest complete one found."""
    reply = visit.look(lambda session: describe_check(session, visit.owner, project_name=project, dataset_type=kind))
    return _check(visit, reply["Check"])


@router.delete("/check", status_code=status.HTTP_204_NO_CONTENT)
def stop_check(visit: Changer, project: ProjectName, kind: KindInPath) -> None:
    """Stop the check that runs; what an earlier one found stays."""
    visit.change("stop_check", lambda session: cancel_check(session, visit.owner, project_name=project, dataset_type=kind))


@router.post("/check/settled")
def settle_problems(visit: Changer, project: ProjectName, kind: KindInPath, new: NewSettlement) -> Counted:
    """Say of pictures that a problem of the last check is none: later checks do not name them for it either."""
    reply = visit.change(
        "settle_problems",
        lambda session: settle(
            session,
            visit.owner,
            project_name=project,
            dataset_type=kind,
            ids=new.entries,
            kind=new.kind,
            settled=new.settled,
        ),
    )
    return Counted(pictures=reply["Pictures"])


def _check(visit: Visit, told: dict[str, Any]) -> CheckOfDataset:
    job = told["JobId"]
    return CheckOfDataset(
        status=told["Status"],
        message=told["Message"],
        labels=told["Labels"],
        created=told["Created"],
        ended=told["Ended"],
        job=None if job is None else job_handle(visit.service.ring, visit.owner, job),
        report=None if told["Report"] is None else CheckReport.model_validate(told["Report"]),
    )
