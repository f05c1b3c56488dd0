"""What an export tells of what its format cannot hold."""

from __future__ import annotations

from collections.abc import Sequence

from walkaround.datasets.exports.pictures import ExportedPicture
from walkaround.datasets.sample import Problem

_NAMED = 5


def note(kind: str, message: str, files: Sequence[str]) -> list[Problem]:
    """A note, with the first files that it is about; none where there are none."""
    return [Problem(kind=kind, severity="note", message=message, files=tuple(files[:_NAMED]))] if files else []


def undrawn(pictures: Sequence[ExportedPicture], what: str) -> list[Problem]:
    """A note of the pictures that nobody drew on, with what the format makes of them."""
    files = [picture.file for picture in pictures if picture.sample.places is None]
    return note("undrawn", f"Nobody drew on {len(files):,} pictures{what}.", files)


def crowds(pictures: Sequence[ExportedPicture], what: str) -> list[Problem]:
    """A note of the groups that nobody took apart, with what became of them."""
    files = [picture.file for picture in pictures for place in picture.places if place.crowd]
    return note("crowds", f"{len(files):,} crowds, groups that nobody took apart, {what}.", files)


def single_boxes(pictures: Sequence[ExportedPicture]) -> list[Problem]:
    """A note of the masks of a class that had no box for each damage, and have one around all of it now."""
    return single_boxes_on([picture.file for picture in pictures for place in picture.places if place.box is None])


def single_boxes_on(files: Sequence[str]) -> list[Problem]:
    """The same, of the file of each such mask's picture."""
    what = "each got one box around all of it, which is no box to train on where there are several"
    return note("single-boxes", f"{len(files):,} masks hold all damage of a class: {what}.", files)
