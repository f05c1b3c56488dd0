"""From what a person says of a picture to the line that says it, and to what is told of that line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from walkaround.damage.kinds import ANOMALY, NORMAL, shows_damage
from walkaround.errors import ValidationError
from walkaround.hosting.operations.labelling.labelling import find_entry, shown_labels
from walkaround.hosting.operations.lines.drawn_lines import agreed_label, drawn_line, version_of
from walkaround.hosting.operations.lines.label_lines import kinds_of, labelled_by, state_of, with_kinds
from walkaround.hosting.operations.lines.manifest_lines import NAME_KEY, stored_line
from walkaround.web.rest.access import Visit
from walkaround.web.rest.datasets.lines import labelled_line
from walkaround.web.rest.labelling.drawn import kept_drawing, place_of, places_told
from walkaround.web.rest.labelling.labelling_shapes import Labelling, NewLabelling
from walkaround.web.rest.labelling.place_shapes import DrawnPlace
from walkaround.web.uploads import managed_bucket


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An entry as it was looked at.

    Attributes:
        text: its line.
        shown: the labels that its masks show; None where it has none.
    """

    text: str
    shown: tuple[str, ...] | None

    @property
    def version(self) -> str:
        """What tells it from every other state of the entry."""
        return version_of(self.text)


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line that says what somebody wants to be said.

    Attributes:
        members: the line.
        shown: the labels that its masks show; None where it has none.
        changed: whether it says anything else than before.
    """

    members: dict[str, Any]
    shown: Sequence[str] | None
    changed: bool


def seen(visit: Visit, project: str, kind: str, picture: str) -> Seen:
    """Look at the entry of a picture.

    Raises:
        NotFoundError: there is none.
    """

    def look(session: Any) -> dict[str, Any]:
        entry = find_entry(session, visit.owner, project_name=project, dataset_type=kind, picture=picture)
        return {"text": entry.line, "shown": shown_labels(entry)}

    return Seen(**visit.look(look))


def told_labelling(visit: Visit, text: str) -> Labelling:
    """All that a line says, with what is drawn."""
    line, members = stored_line(text), json.loads(text)
    by, at = labelled_by(members)
    name = members.get(NAME_KEY)
    return Labelling.model_validate(
        {
            "picture": line.source_ref,
            "name": name if isinstance(name, str) else None,
            "label": line.label,
            "kinds": kinds_of(members),
            "places": places_told(visit, line),
            "version": version_of(text),
            "state": state_of(line.label, line.review),
            "labelled_by": by,
            "labelled": at,
            "review": None if line.review is None else line.review.as_json(),
        }
    )


def said_anew(visit: Visit, picture: str, entry: Seen, former: Labelling, new: NewLabelling) -> Said:
    """The line that says what a person wants to be said; what was drawn is kept beside it.

    Args:
        visit: of whom.
        picture: its address.
        entry: as it is.
        former: what it says.
        new: what it shall say.

    Raises:
        ValidationError: it contradicts itself, or something cannot be drawn.
    """
    worker = visit.caller.key_id
    members, shown = json.loads(entry.text), entry.shown
    drawn = [] if new.places is None else [place_of(one) for one in new.places]
    redrawn = new.places is not None and not _alike(new.places, former.places)
    if redrawn:
        drawing = kept_drawing(visit, picture, entry.text, drawn)
        members = drawn_line(members, drawing, drawn, bucket=managed_bucket(visit.owner.account), worker=worker)
        shown = drawing.shown if drawing.mask is not None else None
    label = _agreed(new, former, shown)
    if label != former.label:
        members = labelled_line(members, label, worker=worker)
    kinds = sorted(set(new.kinds))
    if kinds != former.kinds:
        members = with_kinds(members, kinds, worker=worker)
    return Said(members=members, shown=shown, changed=redrawn or label != former.label or kinds != former.kinds)


def _alike(some: Sequence[DrawnPlace], others: Sequence[DrawnPlace]) -> bool:
    return [one.model_dump() for one in some] == [one.model_dump() for one in others]


def _agreed(new: NewLabelling, former: Labelling, shown: Sequence[str] | None) -> str | None:
    """The label of the picture, which must not contradict what is drawn or named."""
    places = [place_of(one) for one in (former.places if new.places is None else new.places)]
    label = agreed_label(None, places, wanted=new.label)
    if label == NORMAL and new.kinds:
        raise ValidationError(f"The picture is labelled normal, and {new.kinds[0]!r} is seen in it: say anomaly with it.")
    hidden = [one for one in shown or () if shows_damage(one)] if new.places is None else []
    if label == NORMAL and hidden:
        raise ValidationError(f"The picture is labelled normal, and its mask shows {hidden[0]!r}: say anomaly with it.")
    return ANOMALY if label is None and (new.kinds or hidden) else label
