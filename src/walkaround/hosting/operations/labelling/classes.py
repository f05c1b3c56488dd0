"""The classes that the people of a project label with: names, colours and keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from walkaround.damage.colours import colours_of
from walkaround.damage.kinds import DAMAGE_TYPES, NORMAL
from walkaround.errors import ValidationError
from walkaround.hosting.operations.datasets.place_labels import labels_drawn
from walkaround.hosting.operations.lines.place_lines import BACKGROUND, MOST_LABELS
from walkaround.hosting.operations.rows import find_project
from walkaround.hosting.owner import Owner

_KEYS = "123456789"
Class = dict[str, Any]
"""name, colour ("#RRGGBB") and hotkey (a digit, or None)."""


def usual_classes(names: Sequence[str] = DAMAGE_TYPES) -> list[Class]:
    """Classes of these names, in the colours that they have everywhere, and the first of them with a key each."""
    colours = colours_of(names)
    keys = [*_KEYS, *[None] * len(names)]
    return [{"name": name, "colour": colours[name], "hotkey": key} for name, key in zip(names, keys, strict=False)]


def classes_of(session: Session, owner: Owner, *, project_name: str) -> tuple[list[Class], bool]:
    """The classes of a project, and whether they are its own; else they are the usual, and what is drawn already.

    Raises:
        NotFoundError: there is no such project.
    """
    project = find_project(session, owner, project_name)
    if project.classes is not None:
        own: list[Class] = project.classes["classes"]
        return own, True
    drawn = sorted(labels_drawn(session, project.id) - set(DAMAGE_TYPES))
    return usual_classes([*drawn, *DAMAGE_TYPES][:MOST_LABELS]), False


def set_classes(session: Session, owner: Owner, *, project_name: str, classes: Sequence[Class], version: str | None) -> bool:
    """Label with these classes from now on; what is labelled already stays as it is.

    Returns:
        False where the classes are not of this version any more, so that nothing was changed.

    Raises:
        NotFoundError: there is no such project.
        ValidationError: two have the same name or key, or one has a name that cannot be used.
    """
    project = find_project(session, owner, project_name, to_change=True)
    if version is not None and version != version_of_classes(classes_of(session, owner, project_name=project_name)[0]):
        return False
    names = [one["name"].strip() for one in classes]
    keys = [one["hotkey"] for one in classes if one["hotkey"] is not None]
    for name in names:
        if not name.isprintable() or not name or name.upper() == BACKGROUND or name.casefold() == NORMAL:
            raise ValidationError(f"A class cannot be called {name!r}: give a name of damage, in printable characters.")
        if names.count(name) > 1:
            raise ValidationError(f"Two classes are called {name!r}: give each a name of its own.")
    for key in keys:
        if keys.count(key) > 1:
            raise ValidationError(f"Two classes have the key {key}: give each a key of its own, or none.")
    project.classes = {"classes": [{**one, "name": name} for one, name in zip(classes, names, strict=True)]}
    return True


def version_of_classes(classes: Sequence[Class]) -> str:
    """What tells one state of the classes from every other."""
    return hashlib.sha256(json.dumps(list(classes), sort_keys=True).encode()).hexdigest()[:32]
