"""What a trained model can be taken away with: its package, its card, and calls to paste."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, ValidationError
from walkaround.hosting.operations.models.models import TRAINED
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.models.package import CARD_FILE
from walkaround.store.tables import Endpoint
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.shapes import ProjectName, Version
from walkaround.web.snippets import Named, snippets_of
from walkaround.web.zipped import zipped

router = APIRouter(prefix="/projects/{project}/models/{version}", tags=["models"])

_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}, "description": "The package."}}
_URL = re.compile(r"https?://[0-9A-Za-z._\[\]:-]{1,300}")
"""Letters that mean nothing between quotes, in no language."""


class Card(BaseModel):
    """The card of a model's package."""

    card: dict[str, Any] = Field(description="What card.json holds: classes, threshold, data, training, scores, licences.")


class SnippetShape(BaseModel):
    """A call of the model, to be pasted."""

    name: str = Field(description="The client.")
    language: Literal["python", "shell"] = Field(description="The language.")
    needs: str = Field(description="What has to be there before.")
    code: str = Field(description="The call.")


class Snippets(BaseModel):
    """Calls of the model, to be pasted."""

    url: str = Field(description="The address of the server that they use.")
    hosted: bool = Field(description="Whether the model answers them now.")
    snippets: list[SnippetShape] = Field(description="One for each client.")


@router.get("/package", response_class=StreamingResponse, responses=_ZIP)
def download_package(visit: Reader, project: ProjectName, version: Version) -> StreamingResponse:
    """Give the package of a trained model as a zip archive: `walkaround detect` and every other machine can use it."""
    folder, number = _package(visit, project, version)
    return zipped(folder, name=f"{project}-{number}")


@router.get("/card")
def model_card(visit: Reader, project: ProjectName, version: Version) -> Card:
    """Give the card of a trained model's package."""
    folder, _ = _package(visit, project, version)
    return Card(card=json.loads((folder / CARD_FILE).read_text(encoding="utf-8")))


@router.get("/snippets")
def snippets(
    request: Request,
    visit: Reader,
    project: ProjectName,
    version: Version,
    url: Annotated[
        str | None, Query(max_length=310, description="How clients reach the server: scheme, host and port of its address.")
    ] = None,
) -> Snippets:
    """Give calls of a model for boto3, the AWS CLI, curl and Python, filled with its names; they hold no secret."""
    address = url or f"{request.url.scheme}://{request.url.netloc}"
    if not _URL.fullmatch(address):
        raise ValidationError(
            f"The address {address[:100]!r} is none of a server: give one such as https://damage.example.com."
        )

    def act(session: Session) -> dict[str, Any]:
        model = find_model(session, find_project(session, visit.owner, project), version)
        endpoint = session.scalar(select(Endpoint.name).filter_by(model_id=model.id).order_by(Endpoint.name).limit(1))
        return {"Version": model.version, "Endpoint": endpoint, "Hosted": model.status == "HOSTED"}

    found = visit.look(act)
    named = Named(
        url=address,
        region=visit.owner.region,
        project=project,
        version=found["Version"],
        endpoint=found["Endpoint"],
        keyless=visit.service.settings.keyless,
    )
    shown = [SnippetShape(name=one.name, language=one.language, needs=one.needs, code=one.code) for one in snippets_of(named)]
    return Snippets(url=address, hosted=found["Hosted"], snippets=shown)


def _package(visit: Visit, project: str, version: str) -> tuple[Path, int]:
    """The folder of a model's package, and the model's number.

    Raises:
        NotFoundError: there is no such model.
        ConflictError: it has not been trained, or its package is gone.
    """

    def act(session: Session) -> dict[str, Any]:
        model = find_model(session, find_project(session, visit.owner, project), version)
        return {"Version": model.version, "Status": model.status, "Package": model.package}

    found = visit.look(act)
    number = found["Version"]
    folder = visit.service.settings.data / (found["Package"] or "")
    if found["Package"] is None or found["Status"] not in TRAINED or not (folder / CARD_FILE).is_file():
        raise ConflictError(
            f"Model {number} of project {project!r} has no package: its status is {found['Status']}.",
            resource_id=f"{project}/{number}",
            resource_type="MODEL",
        )
    return folder, number
