"""Labelling over REST: one picture after the other, each change applied at once, and never over what somebody else said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy.orm import Session

from walkaround.hosting.operations.labelling.labelling import StaleVersionError, replace_line
from walkaround.hosting.operations.labelling.labelling_queue import Wanted, labelling_queue
from walkaround.hosting.operations.lines.drawn_lines import version_of
from walkaround.hosting.operations.lines.label_lines import relabelled
from walkaround.hosting.operations.lines.manifest_lines import NAME_KEY
from walkaround.store.tables import Entry
from walkaround.web.conflicts import ChangedMeanwhileError
from walkaround.web.rest.access import Changer, Reader, Visit
from walkaround.web.rest.labelling.labelling_shapes import Labelling, LabellingQueue, NewLabelling
from walkaround.web.rest.labelling.places import IfMatch
from walkaround.web.rest.labelling.relabelling import Said, Seen, said_anew, seen, told_labelling
from walkaround.web.rest.shapes import KindInPath, PictureInQuery, ProjectName

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["labelling"])

Show = Annotated[Wanted, Query(description="Which pictures.")]
Beside = Annotated[
    str | None, Query(min_length=9, max_length=1100, description="The picture to go on from; without it, from the end.")
]


@router.get("/queue")
def queue(
    visit: Reader,
    project: ProjectName,
    kind: KindInPath,
    *,
    show: Show = "unlabelled",
    beside: Beside = None,
    backwards: Annotated[bool, Query(description="Towards the first picture.")] = False,
    others: Annotated[bool, Query(description="Leave out what the caller labelled.")] = False,
    limit: Annotated[int, Query(ge=1, le=20, description="Pictures.")] = 5,
) -> LabellingQueue:
    """Tell the next pictures to label or to review, and how many wait."""

    def look(session: Session) -> dict[str, Any]:
        found = labelling_queue(
            session,
            visit.owner,
            project_name=project,
            dataset_type=kind,
            wanted=show,
            beside=beside,
            backwards=backwards,
            not_by=visit.caller.key_id if others else None,
            limit=limit,
        )
        pictures = [_queued(entry) for entry in found.entries]
        return {"pictures": pictures, "waiting": found.waiting, "passed": found.passed, "counts": found.counts}

    return LabellingQueue.model_validate(visit.look(look))


@router.get("/labelling")
def tell_labelling(
    visit: Reader, project: ProjectName, kind: KindInPath, picture: PictureInQuery, answer: Response
) -> Labelling:
    """Tell all that people said of a picture; `version`, which is the ETag too, is for the next change."""
    labelling = told_labelling(visit, seen(visit, project, kind, picture).text)
    answer.headers["ETag"] = f'"{labelling.version}"'
    return labelling


@router.put("/labelling")
def label_picture(
    visit: Changer,
    project: ProjectName,
    kind: KindInPath,
    picture: PictureInQuery,
    new: NewLabelling,
    answer: Response,
    *,
    match: IfMatch = None,
) -> Labelling:
    """Say of a picture what is in it, instead of all that was said before; it is applied at once.

    Sent again, it changes nothing more. Where somebody else changed the entry since If-Match, the problem tells in `current`
    what is there now. A picture that was reviewed is to be reviewed again; one that was sent back is answered.
    """

    def say(entry: Seen, former: Labelling) -> Said:
        said = said_anew(visit, picture, entry, former, new)
        if said.changed or former.state == "sent_back":
            return Said(members=relabelled(said.members), shown=said.shown, changed=True)
        return said

    labelling = changed_at_once(visit, project, kind, picture, say=say, match=match, wanted=lambda told: _says(told, new))
    answer.headers["ETag"] = f'"{labelling.version}"'
    return labelling


def changed_at_once(
    visit: Visit,
    project: str,
    kind: str,
    picture: str,
    *,
    say: Callable[[Seen, Labelling], Said],
    match: str | None,
    wanted: Callable[[Labelling], bool],
) -> Labelling:
    """Change the entry of a picture in one transaction, and tell what it says then.

    Args:
        visit: of whom.
        project: its name.
        kind: of the dataset.
        picture: its address.
        say: makes the new line from the one that is there.
        match: the version that was looked at; None: whatever is there.
        wanted: whether what is there says already what was wanted: the same request came before.

    Raises:
        ChangedMeanwhileError: the entry is another one than was looked at.
    """
    entry = seen(visit, project, kind, picture)
    former = told_labelling(visit, entry.text)
    if match is not None and match.removeprefix("W/").strip('"') not in (entry.version, "*"):
        if wanted(former):
            return former
        raise _meanwhile(former, project, kind)
    said = say(entry, former)
    if not said.changed:
        return former

    def act(session: Session) -> dict[str, Any]:
        replace_line(
            session,
            visit.owner,
            project_name=project,
            dataset_type=kind,
            members=said.members,
            version=entry.version,
            shown=said.shown,
            settings=visit.service.settings,
        )
        return {}

    try:
        visit.change("label_picture", act)
    except StaleVersionError:
        raise _meanwhile(told_labelling(visit, seen(visit, project, kind, picture).text), project, kind) from None
    return told_labelling(visit, seen(visit, project, kind, picture).text)


def _meanwhile(current: Labelling, project: str, kind: str) -> ChangedMeanwhileError:
    return ChangedMeanwhileError(
        "The picture was labelled by somebody else meanwhile: look at what is there now, and decide which shall stay.",
        resource_id=f"{project}/{kind}",
        resource_type="DATASET",
        current=current.model_dump(),
    )


def _says(told: Labelling, new: NewLabelling) -> bool:
    """Whether an entry says what is wanted already; not while it waits for an answer."""
    drawn = new.places is None or [one.model_dump() for one in new.places] == [one.model_dump() for one in told.places]
    return drawn and told.label == new.label and told.kinds == sorted(set(new.kinds)) and told.state != "sent_back"


def _queued(entry: Entry) -> dict[str, Any]:
    name = json.loads(entry.line).get(NAME_KEY)
    return {
        "picture": entry.source_ref,
        "name": name if isinstance(name, str) else None,
        "label": entry.label,
        "version": version_of(entry.line),
        "state": entry.state,
        "labelled_by": entry.labelled_by,
    }
