"""What persons say of the pictures of a trial detection: kept, listed, compared between versions, and added to a dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.formats.lookout import SOURCE_KEY
from walkaround.errors import ConflictError, DatasetError, ValidationError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.datasets.entries import apply_lines
from walkaround.hosting.operations.lines.label_lines import label_members, with_kinds
from walkaround.hosting.operations.lines.manifest_lines import NAME_KEY, parse_lines
from walkaround.hosting.operations.pages import Page, open_page, paged
from walkaround.hosting.operations.rows import Reply, find_dataset, find_project, present
from walkaround.hosting.operations.trials.looks import (
    Compared,
    Twin,
    compare,
    count_unknown_looks,
    same_files,
    twins_of,
    twins_since,
)
from walkaround.hosting.operations.trials.trial_rows import agreed, disagreed, find_trial, missing
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import Project, now
from walkaround.store.trials import TrialPicture

Order = Literal["given", "unsure"]
Wanted = Literal["all", "open", "verified", "right", "wrong", "damaged", "whole", "failed"]
_LAST = 2**31 - 1
"""The place of pictures without findings among those that are sorted by how sure the model is: behind all others."""
_METADATA = "anomaly-label-metadata"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a person sees in a picture.

    Attributes:
        label: normal or anomaly; None takes an earlier verdict back.
        kinds: damage types of the whole picture.
        places: what was drawn, as it was drawn; None: nobody was asked to.
        line: the members of the entry that hold what was drawn.
    """

    label: str | None
    kinds: Sequence[str] = ()
    places: Sequence[Mapping[str, Any]] | None = None
    line: Mapping[str, Any] | None = None


def verify_pictures(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    trial_name: str,
    verdicts: Mapping[str, Verdict],
    by: str | None = None,
) -> Reply:
    """Keep what a person sees in pictures, whether that agrees with the model or corrects it; all of it or nothing.

    Args:
        session: of a transaction.
        owner: whose trial it is.
        project_name: its project.
        trial_name: its name.
        verdicts: by source reference.
        by: who says so.

    Raises:
        NotFoundError: there is no such project, trial, or picture in it.
        ConflictError: a picture was added to the dataset already, or could not be read.
        ValidationError: a verdict is neither normal nor anomaly, or a normal picture has damage types.
    """
    trial = find_trial(session, find_project(session, owner, project_name, to_change=True), trial_name)
    own = select(TrialPicture).where(TrialPicture.trial_id == trial.id, TrialPicture.source_ref.in_(verdicts))
    rows = session.scalars(own.order_by(TrialPicture.id).with_for_update())  # in the order in which the job writes them
    pictures = {picture.source_ref: picture for picture in rows}
    for ref, verdict in verdicts.items():
        if ref not in pictures:
            raise missing(trial_name, f"The trial {trial_name!r} has no picture {ref[:300]!r}")
        _check(pictures[ref], verdict, trial_name)
        _keep(pictures[ref], verdict, by)
    session.flush()
    return {"Verified": len(verdicts)}


def list_trial_pictures(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    trial_name: str,
    order: Order = "given",
    wanted: Wanted = "all",
    page: tuple[str | None, int | None] = (None, None),
) -> Reply:
    """The pictures of a trial: what the model said, and what a person said.

    Args:
        session: any.
        owner: whose trial it is.
        project_name: its project.
        trial_name: its name.
        order: as they were given, or those first of which the model is least sure.
        wanted: which of them.
        page: NextToken and MaxResults.

    Raises:
        NotFoundError: there is no such project or trial.
        ValidationError: the token or the size of the page is not allowed.
    """
    trial = find_trial(session, find_project(session, owner, project_name), trial_name)
    parts = 2 if order == "unsure" else 1
    listing = ("ListTrialPictures", owner, trial.id, order, wanted)
    opened = open_page(*listing, next_token=page[0], max_results=page[1], parts=parts)
    query = select(TrialPicture).where(TrialPicture.trial_id == trial.id, *_condition(wanted))
    if order == "given":
        shown, token = opened.of(session, query, TrialPicture.id)
    else:
        shown, token = _least_sure(session, query, opened)
    return paged("Pictures", [_picture(picture) for picture in shown], token)


def compare_trials(session: Session, owner: Owner, *, project_name: str, trial_name: str, with_trial: str) -> Reply:
    """What a version says of pictures that another one was tried on too: the numbers, and the pictures of another verdict.

    Raises:
        NotFoundError: there is no such project or trial.
    """
    project = find_project(session, owner, project_name)
    trial, other = find_trial(session, project, trial_name), find_trial(session, project, with_trial)
    now_told = _told_of(session, trial.id)
    before_told = _told_of(session, other.id)
    both = [ref for ref in now_told if ref in before_told]
    changed, right_before, right_now, judged = [], 0, 0, 0
    for ref in both:
        one, former = now_told[ref], before_told[ref]
        verified = one.verified or former.verified
        if verified is not None:
            judged += 1
            right_now += (verified == ANOMALY) == one.anomalous
            right_before += (verified == ANOMALY) == former.anomalous
        if one.anomalous != former.anomalous:
            changed.append(
                {**_picture(one), "Verified": verified, "Before": former.findings, "Seen": one.added or former.added}
            )
    return {
        "ModelVersion": str(trial.model_version),
        "OtherVersion": str(other.model_version),
        "Pictures": len(both),
        "Verified": judged,
        "RightNow": right_now,
        "RightBefore": right_before,
        "Changed": changed,
    }


def addable(session: Session, owner: Owner, *, project_name: str, trial_name: str, dataset: str) -> Reply:
    """Which verified pictures would be added to a dataset, and which are in one already, as a file or as a photo.

    Raises:
        NotFoundError: there is no such project or trial.
    """
    project = find_project(session, owner, project_name)
    trial = find_trial(session, project, trial_name)
    waiting = _waiting(session, trial.id, to_change=False)
    twins = twins_of(session, project.id, [one.source_ref for one in waiting])
    return {
        "Dataset": dataset,
        "Normal": sum(one.verified == NORMAL for one in waiting if one.source_ref not in twins),
        "Anomaly": sum(one.verified == ANOMALY for one in waiting if one.source_ref not in twins),
        "LeftOut": [_left_out(one, twins[one.source_ref]) for one in waiting if one.source_ref in twins],
        "Uncompared": count_unknown_looks(session, project.id),
    }


def compare_verified(session: Session, owner: Owner, *, project_name: str, trial_name: str) -> Compared:
    """Compare the verified pictures with those of the datasets, before the transaction that adds them.

    Raises:
        NotFoundError: there is no such project or trial.
    """
    project = find_project(session, owner, project_name)
    trial = find_trial(session, project, trial_name)
    return compare(session, project.id, [one.source_ref for one in _waiting(session, trial.id, to_change=False)])


def add_verified(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    trial_name: str,
    settings: Settings,
    dataset: str = "train",
    repeats: bool = False,
    compared: Compared | None = None,
) -> Reply:
    """Add the verified pictures that are not there yet to a dataset, labelled as the person said: all or none.

    Args:
        session: of a transaction.
        owner: whose trial it is.
        project_name: its project.
        trial_name: its name.
        settings: the limits.
        dataset: train or test.
        repeats: whether pictures are added that show a photo which is in a dataset already; the very file never is.
        compared: what `compare_verified` gave a moment ago; None: they are compared within this transaction.

    Raises:
        NotFoundError: there is no such project or trial, or no such dataset.
        ConflictError: the dataset is being changed, its pictures are in another bucket, or it would have too many.
    """
    project = find_project(session, owner, project_name, to_change=True)
    trial = find_trial(session, project, trial_name)
    found = find_dataset(session, project, dataset, to_change=True)
    require_ready(project, found)
    waiting = _waiting(session, trial.id, to_change=True)
    refs = [one.source_ref for one in waiting]
    twins = same_files(session, project.id, refs) if repeats else twins_since(session, project.id, refs, before=compared)
    pictures = [one for one in waiting if one.source_ref not in twins]
    left_out = [_left_out(one, twins[one.source_ref]) for one in waiting if one.source_ref in twins]
    if not pictures:
        return {"Added": 0, "LeftOut": left_out}
    _require_bucket(project, dataset, found.bucket, pictures, trial_name=trial_name)
    try:
        content = "\n".join(json.dumps(_line(one, trial_name)) for one in pictures).encode("utf-8")
        apply_lines(session, found, parse_lines(content, bucket=found.bucket), settings=settings)
    except DatasetError as problem:
        raise _conflict(project, dataset, f"The verified pictures cannot be added. {problem}") from problem
    found.status, found.message, found.updated = "UPDATE_COMPLETE", "", now()
    for picture in pictures:
        picture.added, picture.added_to = True, dataset
    session.flush()
    return {"Added": len(pictures), "LeftOut": left_out}


def _check(picture: TrialPicture, verdict: Verdict, trial_name: str) -> None:
    ref = picture.source_ref[:300]
    if verdict.label not in (NORMAL, ANOMALY, None):
        raise ValidationError(f"The verdict {verdict.label!r} is neither {NORMAL!r} nor {ANOMALY!r}: give one of them.")
    if verdict.label != ANOMALY and (verdict.kinds or verdict.places):
        raise ValidationError(f"{ref!r} is not called {ANOMALY!r}, and damage of it is told: say {ANOMALY!r} with it.")
    if picture.error is not None and verdict.label is not None:
        raise ConflictError(
            f"{ref!r} could not be read, so that nothing can be learnt of it: upload it again.",
            resource_id=trial_name,
            resource_type="TRIAL",
        )
    if picture.added:
        kind = "test" if picture.added_to == "test" else "training"
        raise ConflictError(
            f"{ref!r} was added to the {kind} dataset already: change its label there.",
            resource_id=trial_name,
            resource_type="TRIAL",
        )


def _keep(picture: TrialPicture, verdict: Verdict, by: str | None) -> None:
    told = verdict.label is not None
    picture.verified = verdict.label
    picture.verified_by, picture.verified_at = (by, now()) if told else (None, None)
    places = None if verdict.places is None else list(verdict.places)
    corrected = told and (verdict.kinds or places is not None)
    picture.said = {"kinds": list(verdict.kinds), "places": places, "line": dict(verdict.line or {})} if corrected else None


def _condition(wanted: Wanted) -> list[ColumnElement[bool]]:
    picture = TrialPicture
    conditions: dict[Wanted, list[ColumnElement[bool]]] = {
        "all": [],
        "open": [picture.verified.is_(None), picture.error.is_(None)],
        "verified": [picture.verified.is_not(None)],
        "right": [agreed()],
        "wrong": [disagreed()],
        "damaged": [picture.anomalous.is_(True)],
        "whole": [picture.anomalous.is_(False)],
        "failed": [picture.error.is_not(None)],
    }
    return conditions[wanted]


def _least_sure(session: Session, query: Any, page: Page) -> tuple[Sequence[TrialPicture], str | None]:
    """Those of which the model is least sure first, those that it has not looked at last."""
    place = func.coalesce(TrialPicture.sureness, _LAST)
    if page.after:
        sureness, number = page.after
        query = query.where(or_(place > sureness, and_(place == sureness, TrialPicture.id > number)))
    found = session.scalars(query.order_by(place, TrialPicture.id).limit(page.size + 1)).all()
    shown = found[: page.size]
    if len(found) <= page.size:
        return shown, None
    last = shown[-1]
    return shown, page.token_after(_LAST if last.sureness is None else last.sureness, last.id)


def _told_of(session: Session, trial_id: int) -> dict[str, TrialPicture]:
    """The pictures of a trial that the model looked at, by source reference."""
    query = select(TrialPicture).filter_by(trial_id=trial_id).where(TrialPicture.anomalous.is_not(None))
    return {one.source_ref: one for one in session.scalars(query.order_by(TrialPicture.id))}


def _waiting(session: Session, trial_id: int, *, to_change: bool) -> Sequence[TrialPicture]:
    """Pictures that were verified and not added."""
    query = select(TrialPicture).filter_by(trial_id=trial_id, added=False).where(TrialPicture.verified.is_not(None))
    query = query.order_by(TrialPicture.id)
    return session.scalars(query.with_for_update() if to_change else query).all()


def _line(picture: TrialPicture, trial_name: str) -> dict[str, Any]:
    """The entry of a verified picture."""
    named = {} if picture.name is None else {NAME_KEY: picture.name}
    line = {SOURCE_KEY: picture.source_ref, **named, **label_members(picture.verified or "", worker=picture.verified_by)}
    line[_METADATA] = {**line[_METADATA], "job-name": f"trial/{trial_name}"}
    said = picture.said or {}
    return {**with_kinds(line, said.get("kinds") or (), worker=picture.verified_by), **said.get("line", {})}


def _require_bucket(
    project: Project, dataset: str, bucket: str | None, pictures: Sequence[TrialPicture], *, trial_name: str
) -> None:
    buckets = sorted({picture.source_ref.removeprefix("s3://").partition("/")[0] for picture in pictures})
    if buckets == [bucket] or (bucket is None and len(buckets) == 1):
        return
    kind = "training" if dataset == "train" else "test"
    if bucket is None:
        where = f"are in the buckets {', '.join(map(repr, buckets[:-1]))} and {buckets[-1]!r}"
    else:
        other = next(one for one in buckets if one != bucket)
        where = f"are in the bucket {other!r}, and those of the {kind} dataset in {bucket!r}"
    raise _conflict(
        project,
        dataset,
        f"The pictures of the trial {trial_name!r} {where}: all pictures of a dataset are in one bucket; begin a trial on such"
        " pictures.",
    )


def _conflict(project: Project, dataset: str, sentence: str) -> ConflictError:
    return ConflictError(sentence, resource_id=f"{project.name}/{dataset}", resource_type="DATASET")


def _left_out(picture: TrialPicture, twin: Twin) -> Reply:
    return {
        "SourceRef": picture.source_ref,
        "Name": picture.name,
        "Like": twin.source_ref,
        "LikeName": twin.name,
        "Dataset": twin.dataset,
        "Same": twin.same,
    }


def _picture(picture: TrialPicture) -> Reply:
    predicted = None if picture.anomalous is None else ANOMALY if picture.anomalous else NORMAL
    said = picture.said or {}
    members = {
        "SourceRef": picture.source_ref,
        "Name": picture.name,
        "Video": picture.video,
        "Time": picture.time,
        "Findings": picture.findings,
        "Heat": True if picture.heat is not None else None,
        "Quality": picture.quality,
        "Error": picture.error,
        "Verified": picture.verified,
        "VerifiedBy": picture.verified_by,
        "VerifiedAt": picture.verified_at,
        "Kinds": said.get("kinds") or None,
        "Places": said.get("places"),
        "Correct": None if predicted is None or picture.verified is None else predicted == picture.verified,
        "Added": picture.added,
        "AddedTo": picture.added_to,
    }
    return present(members)
