"""Checks of datasets: begun, told of, kept with the entries that they are about, and settled by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.datasets.gallery import flag_counts, last_check
from walkaround.hosting.operations.rows import (
    JobKind,
    Reply,
    add_job,
    cancel_jobs,
    find_dataset,
    find_project,
    job_about,
)
from walkaround.hosting.owner import Owner
from walkaround.store.checks import Check, CheckedEntry, CheckFlag
from walkaround.store.tables import Dataset, Entry, now

_AT_ONCE = 500
_KIND: JobKind = "check"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check found.

    Attributes:
        report: counts and problems, plain values.
        flags: id of an entry, kind of problem, place in the report, label of the entry.
        doubts: id of an entry, probability that its label is wrong, the most probable label, label of the entry.
    """

    report: Mapping[str, Any]
    flags: Sequence[tuple[int, str, int, str | None]]
    doubts: Sequence[tuple[int, float, str, str | None]]


def begin_check(session: Session, owner: Owner, *, project_name: str, dataset_type: str, labels: bool) -> Reply:
    """Begin to check a dataset; while one check runs, no other one begins.

    Raises:
        NotFoundError: there is no such project or dataset.
        ConflictError: the dataset is being changed, is empty, or is being checked.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    require_ready(project, dataset)
    what: dict[str, Any] = {"resource_id": f"{project_name}/{dataset_type}", "resource_type": "DATASET"}
    if dataset.total == 0:
        raise ConflictError(f"The {dataset_type} dataset of project {project_name!r} is empty: add pictures first.", **what)
    if session.scalar(select(Check.id).filter_by(dataset_id=dataset.id, status="RUNNING").limit(1)):
        raise ConflictError(f"The {dataset_type} dataset of project {project_name!r} is being checked already.", **what)
    check = Check(dataset_id=dataset.id, labels=labels, status="RUNNING")
    session.add(check)
    session.flush()
    add_job(session, _KIND, check.id)
    return {"Check": _told(session, dataset, check)}


def describe_check(session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
    """The newest check, and the report of the newest complete one with what of it still stands.

    Raises:
        NotFoundError: there is no such project or dataset, or it was never checked.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    newest = session.scalars(select(Check).filter_by(dataset_id=dataset.id).order_by(Check.id.desc()).limit(1)).one_or_none()
    if newest is None:
        raise NotFoundError(
            f"The {dataset_type} dataset of project {project_name!r} was never checked: begin a check.",
            resource_id=f"{project_name}/{dataset_type}",
            resource_type="DATASET",
        )
    return {"Check": _told(session, dataset, newest)}


def cancel_check(session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
    """Stop a check that runs; where none does, nothing happens.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name, to_change=True), dataset_type)
    cancel_jobs(session, _KIND, select(Check.id).filter_by(dataset_id=dataset.id, status="RUNNING"))
    return {}


def settle(
    session: Session, owner: Owner, *, project_name: str, dataset_type: str, ids: Sequence[int], kind: str, settled: bool
) -> Reply:
    """Say of entries that a problem of a kind is none, or take that back.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    project = find_project(session, owner, project_name, to_change=True)
    dataset = find_dataset(session, project, dataset_type, to_change=True)
    check = last_check(session, dataset.id)
    changed = 0
    for start in range(0, len(ids) if check is not None else 0, _AT_ONCE):
        some = update(CheckFlag).where(
            CheckFlag.check_id == (check.id if check is not None else 0),
            CheckFlag.kind == kind,
            CheckFlag.entry_id.in_(ids[start : start + _AT_ONCE]),
        )
        changed += session.execute(some.values(settled=settled)).rowcount  # type: ignore[attr-defined] # of a CursorResult
    return {"Pictures": changed}


def keep_check(session: Session, check_id: int, found: Checked) -> None:
    """Write down what a check found, in the place of the checks before; what a person settled stays settled."""
    check = session.get(Check, check_id)
    if check is None or check.status != "RUNNING":
        return
    former = last_check(session, check.dataset_id)
    settled = _settled(session, former.id) if former is not None else set()
    rows = [
        {
            "check_id": check_id,
            "entry_id": entry,
            "kind": kind,
            "problem": number,
            "label": label,
            "settled": (entry, kind, label) in settled,
        }
        for entry, kind, number, label in found.flags
    ]
    doubts = [
        {"check_id": check_id, "entry_id": entry, "doubt": round(doubt * 1_000_000), "suggests": suggests, "label": label}
        for entry, doubt, suggests, label in found.doubts
    ]
    if rows:
        session.execute(insert(CheckFlag), rows)
    if doubts:
        session.execute(insert(CheckedEntry), doubts)
    check.status, check.message, check.report, check.ended = "COMPLETE", "", dict(found.report), now()
    session.flush()
    forget_checks(session, check.dataset_id, but=check_id)


def fail_check(session: Session, check_id: int, reason: str) -> None:
    """Say why a check came to nothing."""
    check = session.get(Check, check_id)
    if check is not None and check.status == "RUNNING":
        check.status, check.message, check.ended = "FAILED", reason, now()


def forget_checks(session: Session, dataset_id: int, *, but: int = 0) -> None:
    """Delete the checks of a dataset."""
    old = select(Check.id).where(Check.dataset_id == dataset_id, Check.id != but)
    for table in (CheckFlag, CheckedEntry):
        session.execute(delete(table).where(table.check_id.in_(old)).execution_options(synchronize_session=False))
    gone = delete(Check).where(Check.dataset_id == dataset_id, Check.id != but)
    session.execute(gone.execution_options(synchronize_session=False))


def _settled(session: Session, check_id: int) -> set[tuple[int, str, str | None]]:
    query = select(CheckFlag.entry_id, CheckFlag.kind, CheckFlag.label).where(
        CheckFlag.check_id == check_id, CheckFlag.settled.is_(True)
    )
    return {(entry, kind, label) for entry, kind, label in session.execute(query)}


def _told(session: Session, dataset: Dataset, newest: Check) -> dict[str, Any]:
    complete = last_check(session, dataset.id)
    report = None if complete is None or complete.report is None else {**complete.report, "ended": complete.ended}
    if report is not None and complete is not None:
        standing = flag_counts(session, complete.id)
        flagged = select(CheckFlag.kind).where(CheckFlag.check_id == complete.id).distinct()
        named = set(session.scalars(flagged))
        report["problems"] = [
            {**one, "standing": standing.get(one["kind"], 0) if one["kind"] in named else None} for one in report["problems"]
        ]
        report["outdated"] = _is_outdated(session, dataset, complete)
    return {
        "Status": newest.status,
        "Message": newest.message,
        "Labels": newest.labels,
        "Created": newest.created,
        "Ended": newest.ended,
        "JobId": job_about(session, _KIND, newest.id) if newest.status == "RUNNING" else None,
        "Report": report,
    }


def _is_outdated(session: Session, dataset: Dataset, check: Check) -> bool:
    """Whether pictures came, or the dataset was otherwise changed, since a check began."""
    newest = session.scalar(select(Entry.created).where(Entry.dataset_id == dataset.id).order_by(Entry.created.desc()).limit(1))
    return dataset.updated > check.created or (newest is not None and newest > check.created)
