"""The pictures of trial detections over REST: shown, verified or corrected, compared between versions, added to a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from walkaround.damage.places import Place, Polygons
from walkaround.datasets.tracing import polygons_of_mask
from walkaround.errors import NotFoundError
from walkaround.hosting.operations.lines.drawn_lines import drawn_line, drawn_object
from walkaround.hosting.operations.lines.proposals import proposal_of
from walkaround.hosting.operations.trials import trial_verdicts
from walkaround.hosting.operations.trials.trial_rows import find_trial_picture, find_trial_pictures
from walkaround.inspection.heats import heat_png, unpacked_heat
from walkaround.inspection.masks import MASKS, told_line, unpacked
from walkaround.store.trials import TrialPicture as Row
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.datasets.picture_bytes import PICTURE, PictureSize, answer_picture
from walkaround.web.rest.entrance import PREFIX
from walkaround.web.rest.labelling.drawn import kept_drawing, place_of
from walkaround.web.rest.results.masks import path_of_trial_picture
from walkaround.web.rest.shapes import TRIAL_NAME, Counted, DatasetKind, Limit, NextPage, PictureInQuery, ProjectName, TrialName
from walkaround.web.rest.trials.trial_shapes import (
    Addable,
    AddedPictures,
    ChangedPicture,
    FoundPlaces,
    NewVerdict,
    NewVerdicts,
    Order,
    Repeated,
    TrialComparison,
    TrialPicture,
    TrialPictures,
    Wanted,
)
from walkaround.web.uploads import managed_bucket

router = APIRouter(prefix="/projects/{project}/trials/{trial}", tags=["trials"])

_PNG: dict[int | str, dict[str, Any]] = {200: {"description": "The heat map.", "content": {"image/png": {}}}}
_WORKER = 100
ToDataset = Annotated[DatasetKind, Query(description="The dataset that they are for.")]


@router.get("/pictures")
def list_trial_pictures(
    visit: Reader,
    project: ProjectName,
    trial: TrialName,
    *,
    order: Annotated[Order, Query(description="As they were given, or the least sure first.")] = "given",
    show: Annotated[Wanted, Query(description="Which of them: open ones have no verdict of a person yet.")] = "all",
    limit: Limit = 100,
    page: NextPage = None,
) -> TrialPictures:
    """List the pictures of a trial: what the model said, and what a person said."""
    reply = visit.look(
        lambda session: trial_verdicts.list_trial_pictures(
            session, visit.owner, project_name=project, trial_name=trial, order=order, wanted=show, page=(page, limit)
        )
    )
    pictures = [TrialPicture.model_validate(_picture(project, trial, one)) for one in reply["Pictures"]]
    return TrialPictures(pictures=pictures, next=reply.get("NextToken"))


@router.get("/picture", response_class=Response, responses=PICTURE)
def show_picture_of_trial(
    request: Request,
    visit: Reader,
    project: ProjectName,
    trial: TrialName,
    picture: PictureInQuery,
    size: PictureSize = None,
) -> Response:
    """Show a picture of a trial: the file as it is, or an upright thumbnail."""
    _found(visit, project, trial, picture)
    return answer_picture(request, visit, picture, size=size)


@router.get("/heat", response_class=Response, responses=_PNG)
def heat_of_trial_picture(visit: Reader, project: ProjectName, trial: TrialName, picture: PictureInQuery) -> Response:
    """Draw where the model looked in a picture of a trial, as a transparent PNG of the picture's shape."""
    found = _found(visit, project, trial, picture)
    if found.heat is None or found.findings is None:
        raise NotFoundError(
            f"The picture {picture[:300]!r} has no heat map: its model gives none, or has not looked at it.",
            resource_id=trial,
            resource_type="TRIAL",
        )
    png = heat_png(unpacked_heat(found.heat), width=int(found.findings["width"]), height=int(found.findings["height"]))
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/found")
def tell_places_found(visit: Reader, project: ProjectName, trial: TrialName, picture: PictureInQuery) -> FoundPlaces:
    """Tell what the model found in a picture of a trial as places to draw: areas as if they were painted, then boxes."""
    findings = _found(visit, project, trial, picture).findings
    places = [] if findings is None else proposal_of(findings)["places"]
    return FoundPlaces.model_validate({"picture": picture, "places": places})


@router.post("/verdicts")
def verify_pictures(visit: Changer, project: ProjectName, trial: TrialName, new: NewVerdicts) -> Counted:
    """Verify or correct what the model said: all of the verdicts, or none.

    A verdict may correct the damage types, and the places: what is drawn goes into the dataset with the picture.
    """
    by, names = visit.caller.key_id[:_WORKER], [one.picture for one in new.verdicts]

    def look(session: Session) -> dict[str, Any]:  # nothing is opened that is not in the trial: it may be another account's
        return {"Rows": find_trial_pictures(session, visit.owner, project_name=project, trial_name=trial, source_refs=names)}

    rows: dict[str, Row] = visit.look(look)["Rows"]
    verdicts = {one.picture: _verdict(visit, one, rows[one.picture], by=by) for one in new.verdicts}
    visit.change(
        "verify_pictures",
        lambda session: trial_verdicts.verify_pictures(
            session, visit.owner, project_name=project, trial_name=trial, verdicts=verdicts, by=by
        ),
    )
    return Counted(pictures=len(verdicts))


@router.get("/addable")
def tell_addable(visit: Reader, project: ProjectName, trial: TrialName, dataset: ToDataset = "train") -> Addable:
    """Tell which verified pictures would be added to a dataset, and which show what is in one already."""
    reply = visit.look(
        lambda session: trial_verdicts.addable(session, visit.owner, project_name=project, trial_name=trial, dataset=dataset)
    )
    return Addable(
        normal=reply["Normal"],
        anomaly=reply["Anomaly"],
        left_out=_repeats(reply["LeftOut"]),
        uncompared=reply["Uncompared"],
    )


@router.post("/add", response_model_exclude_none=True)
def add_verified(
    visit: Changer,
    project: ProjectName,
    trial: TrialName,
    *,
    dataset: ToDataset = "train",
    repeats: Annotated[
        bool, Query(description="Add pictures too that show a photo which is in a dataset already; the very file never is.")
    ] = False,
    token: IdempotencyKey = None,
) -> AddedPictures:
    """Add the verified pictures to a dataset, labelled as the person said; what is in one already is left out."""
    names = {"project_name": project, "trial_name": trial}
    compared = None
    with suppress(NotFoundError):  # which is told where a request that came before has been answered already
        if not repeats:
            found = visit.look(lambda session: {"all": trial_verdicts.compare_verified(session, visit.owner, **names)})
            compared = found["all"]

    def act(session: Session) -> dict[str, Any]:
        settings = visit.service.settings
        return trial_verdicts.add_verified(
            session, visit.owner, **names, settings=settings, dataset=dataset, repeats=repeats, compared=compared
        )

    reply = visit.change("add_verified", act, token=token, project=project, trial=trial, dataset=dataset, repeats=repeats)
    return AddedPictures(pictures=reply["Added"], left_out=_repeats(reply["LeftOut"]) or None)


@router.get("/comparison")
def compare_trials(
    visit: Reader,
    project: ProjectName,
    trial: TrialName,
    other: Annotated[str, Query(alias="with", min_length=1, max_length=64, pattern=TRIAL_NAME, description="The other trial.")],
) -> TrialComparison:
    """Compare what two versions said of the same pictures, and list those of another verdict."""
    reply = visit.look(
        lambda session: trial_verdicts.compare_trials(
            session, visit.owner, project_name=project, trial_name=trial, with_trial=other
        )
    )
    return TrialComparison(
        model=reply["ModelVersion"],
        other_model=reply["OtherVersion"],
        pictures=reply["Pictures"],
        verified=reply["Verified"],
        right=reply["RightNow"],
        right_before=reply["RightBefore"],
        changed=[
            ChangedPicture.model_validate(
                {**_picture(project, trial, one), "before": told_line(one["Before"]), "seen": one["Seen"]}
            )
            for one in reply["Changed"]
        ],
    )


def _found(visit: Visit, project: str, trial: str, picture: str) -> Row:
    """The row of a picture; 404 where it is not in the trial."""

    def act(session: Session) -> dict[str, Any]:
        return {"row": find_trial_picture(session, visit.owner, project_name=project, trial_name=trial, source_ref=picture)}

    found: Row = visit.look(act)["row"]
    return found


def _verdict(visit: Visit, given: NewVerdict, row: Row, *, by: str) -> trial_verdicts.Verdict:
    if given.label is None or (given.places is None and not given.as_found):
        return trial_verdicts.Verdict(label=given.label, kinds=given.kinds)
    places = [place_of(one) for one in given.places or ()]
    if given.as_found:
        places += places_found(row.findings or {})
    drawing = kept_drawing(visit, given.picture, "{}", places)
    line = drawn_line({}, drawing, places, bucket=managed_bucket(visit.owner.account), worker=by)
    return trial_verdicts.Verdict(label=given.label, kinds=given.kinds, places=[_told_place(one) for one in places], line=line)


def places_found(findings: Mapping[str, Any]) -> list[Place]:
    """The boxes and the outlines of masks in kept findings, as if a person had drawn them."""
    places = [Place(label=box["label"], box=tuple(box["box"])) for box in findings.get("boxes") or ()]
    if MASKS not in findings:
        return places
    masks = unpacked(findings[MASKS])
    rows, columns = masks.labels.shape
    across, down = findings["width"] / columns, findings["height"] / rows
    for number, name in enumerate(masks.names, start=1):
        outline = polygons_of_mask(masks.labels == number)
        if outline is not None:
            rings = tuple(tuple((x * across, y * down) for x, y in ring) for ring in outline.rings)
            places.append(Place(label=name, box=Polygons(rings=rings).box, outline=Polygons(rings=rings)))
    return places


def _told_place(place: Place) -> dict[str, Any]:
    """In one form, as it was sent: the box of an outline is no place of its own."""
    told = drawn_object(place)
    return told if place.outline is None else {**told, "box": None}


def _repeats(left_out: Sequence[Mapping[str, Any]]) -> list[Repeated]:
    return [
        Repeated(
            picture=one["SourceRef"],
            name=one["Name"],
            like=one["Like"],
            like_name=one["LikeName"],
            dataset=one["Dataset"],
            same=one["Same"],
        )
        for one in left_out
    ]


def _picture(project: str, trial: str, members: Mapping[str, Any]) -> dict[str, Any]:
    findings, ref = members.get("Findings"), members["SourceRef"]
    here, named = f"{PREFIX}/projects/{project}/trials/{trial}", f"picture={quote(ref, safe='')}"
    return {
        "picture": ref,
        "name": members.get("Name"),
        "video": members.get("Video"),
        "time": members.get("Time"),
        "findings": None if findings is None else told_line(findings),
        "image": f"{here}/picture?{named}",
        "heat": f"{here}/heat?{named}" if "Heat" in members else None,
        "mask": path_of_trial_picture(project, trial, ref, findings),
        "quality": members.get("Quality"),
        "error": members.get("Error"),
        "verified": members.get("Verified"),
        "verified_by": members.get("VerifiedBy"),
        "verified_at": members.get("VerifiedAt"),
        "kinds": members.get("Kinds"),
        "places": members.get("Places"),
        "correct": members.get("Correct"),
        "added": members["Added"],
        "added_to": members.get("AddedTo"),
    }
