"""TensorBoard of a training: opened over REST, and seen through the server."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response, status
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from walkaround.errors import ConflictError, MissingExtraError
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.hosting.operations.training.trainings import log_folder
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.entrance import PREFIX as API
from walkaround.web.rest.models.training import files_of
from walkaround.web.rest.shapes import ProjectName, Version
from walkaround.web.service import Service
from walkaround.web.tensorboards import INSTALL, PREFIX, has_tensorboard, policy_of

router = APIRouter(prefix="/projects/{project}/models/{version}/training/tensorboard", tags=["training"])
door = APIRouter(prefix=PREFIX, include_in_schema=False)
"""The boards themselves, which are outside of the API."""

Ticket = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{32}$")]


class TensorBoard(BaseModel):
    """How TensorBoard shows a training."""

    installed: bool = Field(description="Whether it is installed where the server runs.")
    install: str = Field(description="What installs it there.")
    files: str | None = Field(description="Path of the training's files as a zip archive; null: there are none yet.")
    command: str = Field(description="What shows the files on another machine, once they are unpacked.")
    path: str | None = Field(default=None, description="Where it was opened, to be given to a browser; good while it is used.")


@router.get("")
def describe(visit: Reader, project: ProjectName, version: Version) -> TensorBoard:
    """Tell whether TensorBoard can show a training here, and how to look at it elsewhere."""
    model, number = _model(visit, project, version)
    folder = visit.service.settings.data / log_folder(model)
    there = folder.is_dir() and any(folder.iterdir())
    return _told(project, number, files=there)


@router.post("", status_code=status.HTTP_201_CREATED)
async def open_board(visit: Reader, project: ProjectName, version: Version) -> TensorBoard:
    """Open TensorBoard on a training, also while it goes on; it is started where it does not run, which takes some seconds.

    The path is a ticket: who has it sees the board, without a key, until nobody has looked at it for half an hour.
    """
    model, number = await asyncio.to_thread(_model, visit, project, version)
    folder = await asyncio.to_thread(files_of, visit, project, version)
    try:
        board = await visit.service.boards.open(model, folder)
    except MissingExtraError as problem:
        raise ConflictError(str(problem), resource_id=f"{project}/{number}", resource_type="MODEL") from problem
    return _told(project, number, files=True, path=board.path)


@door.get("/{ticket}")
def with_slash(ticket: Ticket) -> Response:
    """The board's pages ask relative to their folder."""
    return RedirectResponse(f"{PREFIX}/{ticket}/")


@door.api_route("/{ticket}/{inside:path}", methods=["GET", "HEAD", "POST"])
async def show(request: Request, ticket: Ticket) -> Response:
    """Pass a request on to the board of a ticket."""
    service: Service = request.app.state.service
    board = service.boards.of(ticket)
    if board is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    raw = request.scope["raw_path"].decode("latin-1").partition(f"{PREFIX}/{ticket}/")[2]
    target = raw + (f"?{request.url.query}" if request.url.query else "")
    answer = await service.boards.ask(board, request.method, target, headers=request.headers.items(), body=await request.body())
    headers = {name: value for name, value in answer.headers.items() if name != "policy"}
    host = request.headers.get("host", "")
    headers |= {
        "content-security-policy": policy_of(answer.headers["policy"], host=host, path=board.path),
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return Response(answer.body, answer.status, headers=headers)


def _told(project: str, number: int, *, files: bool, path: str | None = None) -> TensorBoard:
    return TensorBoard(
        installed=has_tensorboard(),
        install=INSTALL,
        files=f"{API}/projects/{project}/models/{number}/training/files" if files else None,
        command=f"pip install tensorboard && tensorboard --logdir {project}-{number}-training",
        path=path,
    )


def _model(visit: Visit, project: str, version: str) -> tuple[int, int]:
    """Id and number of a model."""

    def act(session: Any) -> dict[str, Any]:
        model = find_model(session, find_project(session, visit.owner, project), version)
        return {"Id": model.id, "Version": model.version}

    found = visit.look(act)
    return found["Id"], found["Version"]
