"""Places of buckets as the command line gives them; apart from the rest, so that `--help` loads nothing."""

from __future__ import annotations

from collections.abc import Sequence

from walkaround.errors import InputError


def bucket_places(pairs: Sequence[str] | None) -> dict[str, str]:
    """NAME=PLACE, as flags give it, to name and place.

    Raises:
        InputError: one is not of this form.
    """
    places = {}
    for pair in pairs or ():
        name, equals, place = pair.partition("=")
        if not (name and equals and place):
            raise InputError(f"{pair!r} is not NAME=PLACE, such as photos=/data/photos: correct --bucket.")
        places[name] = place
    return places
