"""The dashboard over REST: sums over time, and what has changed about the pictures of a model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.pipeline import dashboard as sums
from walkaround.pipeline.drift import DAYS, LIMIT, Compared, Reference, compare
from walkaround.web.rest.access import Reader
from walkaround.web.rest.results.results import ProjectWanted
from walkaround.web.rest.shapes import ProjectName, Version

router = APIRouter(tags=["results"])

Offset = Annotated[
    str,
    Query(
        pattern=r"^(Z|[+ -](0[0-9]|1[0-4]):[0-5][0-9])$",  # a plus that nobody encoded arrives as a space
        description="The reader's zone, such as +02:00: days begin at its midnight.",
    ),
]


ZoneName = Annotated[
    str | None,
    Query(
        max_length=64,
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
        description="The reader's zone by name, such as Europe/Berlin: days then keep to summer time. `offset` counts where "
        "the server does not know it.",
    ),
]


class Point(BaseModel):
    """An hour or a day."""

    pictures: int = Field(description="Pictures and videos that were looked at.")
    anomalies: int = Field(description="Those of them that were called damaged.")


class Line(BaseModel):
    """Sums over time."""

    pictures: int = Field(description="Pictures and videos that were looked at.")
    anomalies: int = Field(description="Those of them that were called damaged.")
    ratio: float | None = Field(description="Share of the damaged; null where there were no pictures.")
    points: list[Point] = Field(description="Of each hour or day, as `starts` has them.")


class ProjectLine(Line):
    """Sums of a project over time."""

    project: str = Field(description="The project.")


class Dashboard(BaseModel):
    """How many pictures were looked at, and how many were damaged."""

    frame: sums.Frame = Field(description="How far back.")
    unit: Literal["hour", "day"] = Field(description="What a point is.")
    starts: list[datetime] = Field(description="When each point begins; the last one is the present hour or day.")
    overall: Line = Field(description="Of all projects that are shown.")
    projects: list[ProjectLine] = Field(description="Of each project, by name.")


class Measure(BaseModel):
    """One measure of the last days' pictures, beside the reference."""

    measure: str = Field(description="Such as brightness.")
    reference: Reference = Field(description="What it is compared with.")
    pictures: int = Field(description="Pictures of the last days.")
    reference_pictures: int = Field(description="Pictures of the reference.")
    psi: float = Field(description="Population stability index, less what chance alone brings.")
    shares: list[float] = Field(description="Share of the last days' pictures in each class.")
    reference_shares: list[float] = Field(description="Share of the reference's pictures in each class.")
    warning: str | None = Field(description="What has changed and what to do; null: nothing to speak of.")


class Drift(BaseModel):
    """Whether the pictures that a model looks at still are like those that it was trained on."""

    days: int = Field(default=DAYS, description="How many days are looked at.")
    limit: float = Field(default=LIMIT, description="The index above which there is a warning.")
    warnings: list[str] = Field(description="What has changed and what to do, in sentences.")
    measures: list[Measure] = Field(description="Every measure of which there are enough pictures.")


@router.get("/dashboard")
def dashboard(
    visit: Reader,
    frame: Annotated[sums.Frame, Query(description="24 or 72 hours; 7, 30, 90 or 180 days.")] = "1w",
    project: ProjectWanted = None,
    offset: Offset = "Z",
    zone: ZoneName = None,
) -> Dashboard:
    """Count pictures and damage over time, of all projects and of each; direct detections count where they were kept.

    Sums are kept by whole hours of UTC: where a zone differs from it by half an hour, so do its days.
    """

    def act(session: Any) -> dict[str, Any]:
        shown = sums.dashboard(session, visit.owner, frame=frame, project_name=project, zone=_named(zone) or _zone(offset))
        return {"Shown": shown}

    shown: sums.Dashboard = visit.look(act)["Shown"]
    return Dashboard(
        frame=frame,
        unit=shown.unit,
        starts=list(shown.starts),
        overall=Line(**_line(shown.overall)),
        projects=[ProjectLine(project=line.project or "", **_line(line)) for line in shown.projects],
    )


@router.get("/projects/{project}/models/{version}/drift")
def drift(visit: Reader, project: ProjectName, version: Version) -> Drift:
    """Tell whether the pictures of the last days are like those that the model was trained on."""

    def act(session: Any) -> dict[str, Any]:
        model = find_model(session, find_project(session, visit.owner, project), version)
        return {"Compared": compare(session, model.project_id, model.version, data=visit.service.settings.data)}

    compared: list[Compared] = visit.look(act)["Compared"]
    return Drift(
        warnings=[one.warning for one in compared if one.warning is not None],
        measures=[
            Measure(
                measure=one.measure,
                reference=one.reference,
                pictures=one.pictures,
                reference_pictures=one.reference_pictures,
                psi=one.psi,
                shares=list(one.shares),
                reference_shares=list(one.reference_shares),
                warning=one.warning,
            )
            for one in compared
        ],
    )


def _named(zone: str | None) -> ZoneInfo | None:
    try:
        return None if zone is None else ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return None


def _zone(offset: str) -> timezone:
    if offset == "Z":
        return UTC
    away = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
    return timezone(-away if offset[0] == "-" else away)


def _line(line: sums.Line) -> dict[str, Any]:
    return {
        "pictures": line.whole.pictures,
        "anomalies": line.whole.anomalies,
        "ratio": None if line.whole.ratio is None else round(line.whole.ratio, 4),
        "points": [Point(pictures=point.pictures, anomalies=point.anomalies) for point in line.points],
    }
