"""One result over REST: its picture or video as long as they can be read, and what persons say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, status
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from walkaround.errors import BucketError, NotFoundError, ServiceError, ThrottledError, UnavailableError
from walkaround.hosting.operations.results import reviews
from walkaround.hosting.operations.results.reviews import Said, own_result
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.inspection.heats import heat_png
from walkaround.media.sniff import picture_format
from walkaround.pipeline.originals import Original, is_newest, opened_original, original_of
from walkaround.pipeline.sinks.delivered import HEAT_MAP
from walkaround.web.rest.access import Changer, Reader, Visit
from walkaround.web.rest.datasets.picture_bytes import PICTURE, PictureSize, answer_picture
from walkaround.web.rest.entrance import PREFIX
from walkaround.web.rest.results.results import told_result
from walkaround.web.rest.shapes import NO_NUL, DatasetKind, Label, Result, ResultNumber, Strict

router = APIRouter(tags=["results"])

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=600",
}
_PICTURE_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_PNG: dict[int | str, dict[str, Any]] = {200: {"description": "The heat map.", "content": {"image/png": {}}}}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"description": "The frame, upright.", "content": {"image/jpeg": {}}}}
_VIDEO: dict[int | str, dict[str, Any]] = {
    200: {"description": "The video, as it is.", "content": {"video/*": {}}},
    206: {"description": "The part of it that the header Range asked for."},
}
Number = Annotated[int, Field(ge=1, le=2**53, description="A result's number.")]


class Review(BaseModel):
    """What a person said of a result, or did with it."""

    label: Label | None = Field(description="What the person sees; null: an earlier word was taken back.")
    added_to: DatasetKind | None = Field(description="The dataset that it was added to with this label.")
    note: str = Field(description="Why, in the person's words.")
    reviewer: str = Field(description="Who it was: a user, or the id of an access key.")
    created: datetime = Field(description="When.")


class ResultDetails(Result):
    """A result with what persons said of it."""

    heat: str | None = Field(default=None, description="Path of a PNG of where the model looked, to be laid over the picture.")
    kept: bool = Field(description="Whether the picture is kept with the findings; else it is where it arrived, or nowhere.")
    reviews: list[Review] = Field(description="What persons said and did, the newest first.")


class Verdict(Strict):
    """What a person sees in the picture or video of a result."""

    result: Number
    label: Label | None = Field(description="What the person sees; null takes an earlier word back.")
    note: Annotated[str, Field(max_length=500, pattern=NO_NUL, description="Why.")] = ""


class Verdicts(Strict):
    """What a person sees in results: all of it is kept, or nothing."""

    verdicts: Annotated[list[Verdict], Field(min_length=1, max_length=1000, description="One for each result.")]


class Reviewed(BaseModel):
    """How many results changed by what was said."""

    reviewed: int = Field(description="Results of which this was not known before.")


@router.get("/results/{number}")
def describe(visit: Reader, number: ResultNumber) -> ResultDetails:
    """Tell of a result: its findings, and what persons said of them."""

    def act(session: Session) -> dict[str, Any]:
        told = reviews.describe_result(session, visit.owner, number=number)
        return {**told, "Heat": HEAT_MAP in told["Findings"] or (_shows_picture(told) and _is_hosted(session, visit, told))}

    told = visit.look(act)
    return ResultDetails(
        **told_result(told).model_dump(),
        heat=f"{PREFIX}/results/{number}/heat" if told["Heat"] else None,
        kept=told["PictureKept"],
        reviews=[
            Review(
                label=one["Label"],
                added_to=one["AddedTo"],
                note=one["Note"],
                reviewer=one["Reviewer"],
                created=one["CreationTimestamp"],
            )
            for one in told["Reviews"]
        ],
    )


@router.get("/results/{number}/picture", response_class=Response, responses=PICTURE)
def show_picture(request: Request, visit: Reader, number: ResultNumber, size: PictureSize = None) -> Response:
    """Show the picture of a result, if it was kept, or still is where it arrived."""
    original = _original(visit, number, video=False)
    try:
        if is_newest(original, visit.service.buckets):
            return answer_picture(request, visit, original.address, size=size)
        path = opened_original(original, visit.service.buckets, copies=visit.service.settings.data / "cache" / "pictures")
    except BucketError as problem:
        raise _gone(number, problem) from problem
    with path.open("rb") as file:
        kind = _PICTURE_TYPES.get(picture_format(file.read(512)) or "", "application/octet-stream")
    return FileResponse(path, media_type=kind, headers=_SAFE)


@router.get("/results/{number}/video", response_class=Response, responses=_VIDEO)
def show_video(visit: Reader, number: ResultNumber) -> Response:
    """Send the video of a result, or the part of it that the header Range asks for, while it still is where it arrived."""
    path = video_of(visit, number)
    with path.open("rb") as file:
        return FileResponse(path, media_type=_video_type(file.read(64)), headers=_SAFE)


@router.get("/results/{number}/frame", response_class=Response, responses=_JPEG)
def show_frame(
    visit: Reader,
    number: ResultNumber,
    time: Annotated[float, Query(ge=0, le=1e6, description="Seconds from the video's first frame.")] = 0.0,
    size: PictureSize = 1024,
) -> Response:
    """Show a frame of the video of a result as a JPEG."""
    video = video_of(visit, number)
    name = f"video of result {number}"
    path = visit.service.frames.shown(video, name=name, time=time, size=4096 if size is None else size)
    return FileResponse(path, media_type="image/jpeg", headers=_SAFE)


@router.get("/results/{number}/heat", response_class=Response, responses=_PNG)
async def show_heat(visit: Reader, number: ResultNumber) -> Response:
    """Draw where the model looked, to be laid over the picture: as it was kept, else the hosted model is asked once more."""

    def act(session: Session) -> dict[str, Any]:
        result, project = own_result(session, visit.owner, number)
        return {"Findings": result.findings, "Project": project, "Version": str(result.model_version)}

    told = await asyncio.to_thread(visit.look, act)
    findings = told["Findings"]
    heat = None if findings.get(HEAT_MAP) is None else np.asarray(findings[HEAT_MAP], np.float32)
    if heat is None:
        content = await asyncio.to_thread(_picture_bytes, visit, number)
        kind = _PICTURE_TYPES.get(picture_format(content[:512]) or "", "")
        try:
            pool = visit.service.pool
            heat = (
                await pool.detect(visit.owner, told["Project"], told["Version"], content, kind, heat=True)
            ).findings.heat_map
        except (ThrottledError, UnavailableError):
            raise  # the same request may succeed later
        except ServiceError as problem:
            raise _none(number, f"no heat map was kept, and the model cannot be asked: {problem}") from problem
    if heat is None:
        raise _none(number, "its model gives no heat map")
    png = await asyncio.to_thread(heat_png, heat, width=int(findings["width"]), height=int(findings["height"]))
    return Response(png, media_type="image/png", headers=_SAFE)


@router.post("/results/verdicts", status_code=status.HTTP_200_OK)
def review(visit: Changer, new: Verdicts) -> Reviewed:
    """Confirm or correct what models said of results: all of the verdicts, or none; earlier ones stay as history."""
    said = {one.result: Said(label=one.label, note=one.note) for one in new.verdicts}
    reply = visit.change(
        "review_results",
        lambda session: reviews.review_results(session, visit.owner, said, reviewer=reviewer_of(visit)),
    )
    return Reviewed(reviewed=reply["Reviewed"])


def reviewer_of(visit: Visit) -> str:
    """Who says something, for the history of a result."""
    return visit.caller.user or visit.caller.key_id


def _shows_picture(told: Mapping[str, Any]) -> bool:
    return bool(told["Readable"]) and "duration" not in told["Findings"]


def _is_hosted(session: Session, visit: Visit, told: Mapping[str, Any]) -> bool:
    try:
        return find_model(session, find_project(session, visit.owner, told["Project"]), told["ModelVersion"]).status == "HOSTED"
    except NotFoundError:
        return False


def original_in(session: Session, visit: Visit, number: int, *, video: bool) -> Original:
    """Where the picture or the video of a result is.

    Raises:
        NotFoundError: there is no such result, it is of the other kind, or nobody kept it.
    """
    result, _ = own_result(session, visit.owner, number)
    original = original_of(session, visit.owner, result)
    if original is None:
        raise _none(number, "it was sent and not kept: send pictures with keep_picture=true, or let a watch look at them")
    if original.video is not video:
        raise _none(number, "it is of a video" if original.video else "it is of a picture")
    return original


def _original(visit: Visit, number: int, *, video: bool) -> Original:
    found: Original = visit.look(lambda session: {"Found": original_in(session, visit, number, video=video)})["Found"]
    return found


def video_of(visit: Visit, number: int) -> Path:
    """A file with the video of a result.

    Raises:
        NotFoundError: there is none, or it cannot be read any more.
    """
    original = _original(visit, number, video=True)
    try:
        return opened_original(original, visit.service.buckets, copies=visit.service.settings.data / "cache" / "videos")
    except BucketError as problem:
        raise _gone(number, problem) from problem


def _picture_bytes(visit: Visit, number: int) -> bytes:
    original = _original(visit, number, video=False)
    copies = visit.service.settings.data / "cache" / "pictures"
    try:
        return opened_original(original, visit.service.buckets, copies=copies).read_bytes()
    except BucketError as problem:
        raise _gone(number, problem) from problem


def _video_type(head: bytes) -> str:
    """What a browser is told; a QuickTime file is the same container, and played by more of them as MP4."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head else "video/x-matroska"
    if head.startswith(b"OggS"):
        return "video/ogg"
    if head.startswith(b"RIFF"):
        return "video/x-msvideo"
    return "video/mp4" if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") else "application/octet-stream"


def _gone(number: int, problem: BucketError) -> NotFoundError:
    return _none(number, f"it cannot be read any more. {problem}")


def _none(number: int, why: str) -> NotFoundError:
    said = why if why.endswith(".") else f"{why}."
    return NotFoundError(
        f"There is nothing to show of result {number}: {said}", resource_id=str(number), resource_type="PROJECT"
    )
