"""One result with its history, and what persons say of results: confirmed or corrected, by whom and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.results.results import described_result, watch_names
from walkaround.hosting.operations.rows import Reply
from walkaround.hosting.owner import Owner
from walkaround.store.results import Result, ResultReview
from walkaround.store.tables import Change, Dataset, Project

MOST_REVIEWS = 100
"""Reviews of a result that are told, the newest first."""
_LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a person says of a result: normal or anomaly, or None to take an earlier word back, and why."""

    label: str | None
    note: str = ""


def own_result(session: Session, owner: Owner, number: int) -> tuple[Result, str]:
    """A result of any project of an account, and the project's name.

    Raises:
        NotFoundError: there is none of this number.
    """
    return own_results(session, owner, [number])[number]


def own_results(
    session: Session, owner: Owner, numbers: Sequence[int], *, to_change: bool = False
) -> dict[int, tuple[Result, str]]:
    """Results of an account by number, with the names of their projects.

    Raises:
        NotFoundError: one of them is not there.
    """
    query = select(Result, Project.name).join(Project, Project.id == Result.project_id)
    query = query.where(
        Project.account == owner.account,
        Project.region == owner.region,
        Result.id.in_([min(number, _LARGEST) for number in numbers]),
    ).order_by(Result.id)
    rows = session.execute(query.with_for_update(of=Result) if to_change else query)
    found = {result.id: (result, name) for result, name in rows}
    for number in numbers:
        if number not in found:
            raise NotFoundError(
                f"There is no result {number}: it was deleted, or never kept.",
                resource_id=str(number),
                resource_type="PROJECT",
            )
    return found


def describe_result(session: Session, owner: Owner, *, number: int) -> Reply:
    """A result with what persons said of it, the newest first.

    Raises:
        NotFoundError: there is none of this number.
    """
    result, project = own_result(session, owner, number)
    watch = watch_names(session, owner, [result]).get(result.watch_id)
    query = select(ResultReview).filter_by(result_id=result.id).order_by(ResultReview.id.desc()).limit(MOST_REVIEWS)
    reviews = [
        {
            "Label": one.label,
            "AddedTo": one.added_to,
            "Note": one.note,
            "Reviewer": one.reviewer,
            "CreationTimestamp": one.created,
        }
        for one in session.scalars(query)
    ]
    return {**described_result(result, project, watch), "Reviews": reviews, "PictureKept": result.picture is not None}


def review_results(session: Session, owner: Owner, said: Mapping[int, Said], *, reviewer: str) -> Reply:
    """Keep what a person says of results, whether that agrees with the model or corrects it; all of it or nothing.

    What was said before stays as the history of the result; the same word again without a note changes nothing.

    Args:
        session: of a transaction.
        owner: whose results they are.
        said: by number of the result.
        reviewer: who says so.

    Raises:
        NotFoundError: one of the results is not there.
    """
    changed = 0
    for number, (result, _) in own_results(session, owner, sorted(said), to_change=True).items():
        word = said[number]
        if word.label == result.verdict and not word.note:
            continue
        result.verdict = word.label
        session.add(ResultReview(result_id=number, label=word.label, note=word.note, reviewer=reviewer))
        changed += 1
    session.flush()
    return {"Reviewed": changed}


def results_to_add(session: Session, owner: Owner, *, project_name: str, numbers: Sequence[int]) -> list[tuple[Result, str]]:
    """Results of a project whose pictures can be added to a dataset, with what a person saw in each.

    Raises:
        NotFoundError: one of the results is not there, or of another project.
        ConflictError: nobody has said what one of them shows, or it is a video.
    """
    found = []
    for number, (result, project) in own_results(session, owner, numbers).items():
        if project != project_name:
            raise NotFoundError(
                f"The project {project_name!r} has no result {number}: it is of another project.",
                resource_id=project_name,
                resource_type="PROJECT",
            )
        if "duration" in result.findings:
            raise _conflict(number, "is of a video, and datasets hold pictures: add frames of it, each with a label")
        if result.verdict is None:
            raise _conflict(number, "was looked at by the model alone: confirm or correct it first, so that its label is known")
        found.append((result, result.verdict))
    return found


def noted_later(found: Sequence[tuple[Result, str]], *, reviewer: str) -> dict[str, Any]:
    """What a change of a dataset keeps, to note it when it is applied: results with their labels, and who adds them."""
    return {"labels": [[result.id, label] for result, label in found], "reviewer": reviewer}


def note_with_change(session: Session, dataset: Dataset, told: Mapping[str, Any]) -> None:
    """Have the change that a dataset was given in this transaction note on results what it adds, as `noted_later` tells it."""
    change = session.scalars(select(Change).filter_by(dataset_id=dataset.id).order_by(Change.id.desc()).limit(1)).one()
    change.results = dict(told)


def note_added(session: Session, told: Mapping[str, Any] | None, *, dataset: Dataset) -> None:
    """Write down that pictures of results are in a dataset now; those deleted meanwhile are passed over.

    Args:
        session: of the transaction that adds them.
        told: by `noted_later`; None: the pictures are of no results.
        dataset: which has them.
    """
    if told is None:
        return
    labels = dict(told["labels"])
    own = (Result.project_id == dataset.project_id, Result.id.in_(labels))
    for number in session.scalars(select(Result.id).where(*own).order_by(Result.id).with_for_update()).all():
        latest = select(ResultReview).filter_by(result_id=number).order_by(ResultReview.id.desc()).limit(1)
        former = session.scalar(latest)
        if former is not None and (former.added_to, former.label) == (dataset.kind, labels[number]):
            continue  # they were added twice
        review = ResultReview(result_id=number, label=labels[number], added_to=dataset.kind, reviewer=told["reviewer"])
        session.add(review)
    session.flush()


def _conflict(number: int, what: str) -> ConflictError:
    return ConflictError(f"Result {number} {what}.", resource_id=str(number), resource_type="PROJECT")
