"""Reviews over REST: a second person accepts, adjusts or sends back what one person labelled; and how far they agree."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from walkaround.errors import ConflictError, ValidationError
from walkaround.hosting.operations.labelling.agreement import Agreement as Numbers
from walkaround.hosting.operations.labelling.agreement import agreement_of, overlap
from walkaround.hosting.operations.lines.label_lines import Review, reviewed
from walkaround.hosting.operations.lines.manifest_lines import stored_line
from walkaround.store.tables import now
from walkaround.web.auth import KEYLESS
from walkaround.web.rest.access import Changer, Reader, Visit
from walkaround.web.rest.labelling.drawn import place_of, size_of_picture
from walkaround.web.rest.labelling.labelling import changed_at_once
from walkaround.web.rest.labelling.labelling_shapes import Agreement, Labelling, NewLabelling, NewReview
from walkaround.web.rest.labelling.places import IfMatch
from walkaround.web.rest.labelling.relabelling import Said, Seen, said_anew
from walkaround.web.rest.shapes import KindInPath, PictureInQuery, ProjectName

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["labelling"])


@router.post("/review")
def review_picture(
    visit: Changer,
    project: ProjectName,
    kind: KindInPath,
    picture: PictureInQuery,
    new: NewReview,
    answer: Response,
    *,
    match: IfMatch = None,
) -> Labelling:
    """Accept, adjust or send back what another person said of a picture; it is applied at once.

    Nobody reviews what they labelled themselves, as far as the server can tell callers apart: without keys it cannot.
    """
    if (new.verdict == "adjusted") != (new.labelling is not None):
        raise ValidationError("To adjust, say in `labelling` what is to be said instead; leave it out otherwise.")
    if new.verdict == "sent_back" and not new.note.strip():
        raise ValidationError("To send a picture back, say in `note` what is wrong with its labels.")

    def say(entry: Seen, former: Labelling) -> Said:
        _require_other(visit, former, project, kind)
        adjusting = new.labelling if new.labelling is not None else _as_it_is(former)
        said = said_anew(visit, picture, entry, former, adjusting)
        if new.verdict == "adjusted" and not said.changed:
            raise ValidationError("Nothing is adjusted: accept the labels, or change them.")
        if stored_line(json.dumps(said.members)).label is None:
            raise ValidationError("The labels cannot be adjusted to none: send the picture back.")
        review = _review(visit, picture, former, new)
        return Said(members=reviewed(said.members, review), shown=said.shown, changed=True)

    def wanted(told: Labelling) -> bool:
        review = told.review
        return review is not None and review.by == visit.caller.key_id and review.verdict == new.verdict

    labelling = changed_at_once(visit, project, kind, picture, say=say, match=match, wanted=wanted)
    answer.headers["ETag"] = f'"{labelling.version}"'
    return labelling


@router.get("/agreement")
def tell_agreement(visit: Reader, project: ProjectName, kind: KindInPath) -> Agreement:
    """Tell how far reviewers agree with those who labelled a dataset, and with each of them."""

    def look(session: Any) -> dict[str, Any]:
        whole, people = agreement_of(session, visit.owner, project_name=project, dataset_type=kind)
        told = [{"labelled_by": person, **_numbers(numbers)} for person, numbers in people.items()]
        told.sort(key=lambda one: -one["reviewed"])
        return {**_numbers(whole), "people": told}

    return Agreement.model_validate(visit.look(look))


def _numbers(numbers: Numbers) -> dict[str, Any]:
    return {**asdict(numbers), "share": numbers.share}


def _require_other(visit: Visit, former: Labelling, project: str, kind: str) -> None:
    """Refuse a review of what nobody labelled, or of the caller's own labels."""
    place: dict[str, Any] = {"resource_id": f"{project}/{kind}", "resource_type": "DATASET"}
    if former.label is None:
        raise ConflictError("The picture is not labelled, so that there is nothing to review: label it first.", **place)
    if former.labelled_by == visit.caller.key_id != KEYLESS:
        raise ConflictError("You labelled this picture yourself: somebody else has to review it.", **place)


def _as_it_is(former: Labelling) -> NewLabelling:
    return NewLabelling(label=former.label, kinds=former.kinds, places=None)


def _review(visit: Visit, picture: str, former: Labelling, new: NewReview) -> Review:
    first = former.review
    iou = None
    if new.labelling is not None and new.labelling.places is not None and (former.places or new.labelling.places):
        before, after = [place_of(one) for one in former.places], [place_of(one) for one in new.labelling.places]
        width, height = size_of_picture(visit, picture)
        iou = overlap(before, after, width=width, height=height)
    return Review(
        verdict=new.verdict,
        by=visit.caller.key_id,
        at=now().strftime("%Y-%m-%dT%H:%M:%S.%f"),
        note=new.note.strip(),
        labelled_by=former.labelled_by if first is None else first.labelled_by,
        label_before=(first.label_before if first is not None else None) or former.label,
        iou=iou,
        unchanged=new.verdict == "accepted" and (first is None or first.unchanged),
        returned=new.verdict == "sent_back" or (first is not None and first.returned),
    )
