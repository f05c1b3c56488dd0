"""Drafts over REST: what a model would say of pictures, asked for one at a time, or kept by a job for all without a label."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from walkaround.hosting.operations.labelling.drafting import begin_drafting, cancel_drafting, describe_drafts, find_draft
from walkaround.hosting.operations.lines.proposals import judged, proposal_of
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.hosting.pool.answers import PICTURE_TYPES
from walkaround.inspection.masks import kept_line
from walkaround.models.package import Card, read_card
from walkaround.web.rest.access import Changer, IdempotencyKey, Inspector, Reader, Visit
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.labelling.drawn import read_picture_bytes
from walkaround.web.rest.labelling.labelling_shapes import Draft, DraftsOfDataset, KeptDraft, NewDrafts
from walkaround.web.rest.labelling.relabelling import seen
from walkaround.web.rest.shapes import KindInPath, PictureInQuery, ProjectName

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["labelling"])

_VERSION = r"^([1-9][0-9]{0,9}|latest)$"


@router.get("/draft")
async def draft_labelling(
    visit: Inspector,
    project: ProjectName,
    kind: KindInPath,
    picture: PictureInQuery,
    *,
    model: Annotated[str, Query(pattern=_VERSION, description="A hosted version, or the latest that is hosted.")] = "latest",
) -> Draft:
    """Ask a hosted model what it would say of a picture. Nothing is kept: what a person accepts is labelled as ever."""
    await run_in_threadpool(seen, visit, project, kind, picture)
    content = await run_in_threadpool(read_picture_bytes, visit, picture)
    found = await visit.service.pool.detect(visit.owner, project, model, content, PICTURE_TYPES[0])

    def propose() -> dict[str, Any]:
        _, threshold = _judging(visit, visit.look(lambda session: _limits_of(session, visit, project, str(found.version))))
        return {"threshold": threshold, **proposal_of(kept_line(found.findings))}

    members = await asyncio.to_thread(propose)
    return Draft.model_validate({"picture": picture, "model": str(found.version), **members})


@router.post("/drafts", status_code=status.HTTP_202_ACCEPTED)
def draft_all(
    visit: Changer, project: ProjectName, kind: KindInPath, new: NewDrafts, token: IdempotencyKey = None
) -> DraftsOfDataset:
    """Have a job draft all pictures that nobody has labelled, by a trained version, which need not be hosted.

    Only pictures without a draft of that version are looked at, so that it may be asked for again whenever pictures came.
    """

    def act(session: Session) -> dict[str, Any]:
        return begin_drafting(session, visit.owner, project_name=project, dataset_type=kind, model_version=new.model)

    reply = visit.change("draft_all", act, token=token, project=project, kind=kind, new=new.model_dump())
    return _drafts(visit, reply["Drafts"])


@router.get("/drafts")
def describe_kept_drafts(visit: Reader, project: ProjectName, kind: KindInPath) -> DraftsOfDataset:
    """Tell how the newest drafting of a dataset stands, and how many pictures without a label have a draft by its version."""
    reply = visit.look(lambda session: describe_drafts(session, visit.owner, project_name=project, dataset_type=kind))
    return _drafts(visit, reply["Drafts"])


@router.delete("/drafts", status_code=status.HTTP_204_NO_CONTENT)
def stop_drafting(visit: Changer, project: ProjectName, kind: KindInPath) -> None:
    """Stop the drafting that runs; what was drafted stays."""
    visit.change(
        "stop_drafting", lambda session: cancel_drafting(session, visit.owner, project_name=project, dataset_type=kind)
    )


@router.get("/drafts/picture")
def tell_kept_draft(
    visit: Reader,
    project: ProjectName,
    kind: KindInPath,
    picture: PictureInQuery,
    *,
    model: Annotated[str, Query(pattern=_VERSION, description="A version, or the latest that there is a draft of.")] = "latest",
) -> KeptDraft:
    """Tell what a version said of a picture when all were drafted, judged by the threshold that counts for it now.

    It is no label before a person accepts it.
    """

    def look(session: Session) -> dict[str, Any]:
        found = find_draft(session, visit.owner, project_name=project, dataset_type=kind, picture=picture, model_version=model)
        if found is None:
            return {"Draft": None}
        draft, row = found
        limits = {"Package": row.package, "Threshold": row.threshold}
        return {"Draft": {"Line": draft.findings, "Model": str(row.version), "Made": draft.created, **limits}}

    kept = visit.look(look)["Draft"]
    if kept is None:
        return KeptDraft(draft=None, made=None)
    card, threshold = _judging(visit, kept)
    proposal = proposal_of(judged(kept["Line"], card, threshold=threshold))
    told = {"picture": picture, "model": kept["Model"], "threshold": threshold, **proposal}
    return KeptDraft(draft=Draft.model_validate(told), made=kept["Made"])


def _limits_of(session: Session, visit: Visit, project: str, version: str) -> dict[str, Any]:
    model = find_model(session, find_project(session, visit.owner, project), version)
    return {"Package": model.package, "Threshold": model.threshold}


def _judging(visit: Visit, told: dict[str, Any]) -> tuple[Card, float]:
    """The card of a version's package, and the probability from which it calls a picture damaged now."""
    card = _card_of(visit.service.settings.data / told["Package"])
    return card, card.threshold if told["Threshold"] is None else told["Threshold"]


_card_of = lru_cache(maxsize=32)(read_card)  # packages never change, and drafts are asked for one after the other


def _drafts(visit: Visit, told: dict[str, Any]) -> DraftsOfDataset:
    job = told.get("JobId")
    return DraftsOfDataset(
        status=told["Status"],
        model=told.get("Model"),
        message=told.get("Message", ""),
        created=told.get("Created"),
        ended=told.get("Ended"),
        job=None if job is None else job_handle(visit.service.ring, visit.owner, job),
        pictures=told.get("Pictures", 0),
        unlabelled=told["Unlabelled"],
        drafted=told.get("Drafted", 0),
        failed=told.get("Failed", 0),
    )
