"""From what was put somewhere to what waits to be looked at: the rules of a watch, and what is certainly not for it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy.orm import Session

from walkaround.errors import AccessDeniedError
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.owner import Owner
from walkaround.inspection.inputs import is_other_folder, is_other_name
from walkaround.pipeline.arrivals import LookedAtBy, ObjectCreated, announce, backlog, bury_event, identity_of, known, resolve
from walkaround.pipeline.sinks.delivered import WRITTEN_ENDINGS
from walkaround.pipeline.spec import Captured, WatchSpec
from walkaround.store.database import Database
from walkaround.store.pipeline import Watch

_UNFINISHED = (".tmp", ".temp", ".partial", ".filepart", ".crdownload", ".download", ".upload", ".swp", "~")
"""Ends of names under which programs write what is not whole yet; .part is among those that are known to be no pictures."""
_FRAME = re.compile(r"\.[0-9]{7}\.jpg$")
_FRESH_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """What came of objects that were told of.

    Attributes:
        new: what is to be looked at because of them, and was not known yet.
        waiting: those that have to be told of again, because a model that a rule names does not exist.
        missing: the models, each in a sentence; empty where none is missing.
    """

    new: int
    waiting: frozenset[ObjectCreated] = frozenset()
    missing: str = ""


@dataclass(frozen=True)
class _Sorted:
    """Objects with models that exist, those whose model does not, and buckets that are another account's, with the reason."""

    pairs: list[tuple[ObjectCreated, LookedAtBy]] = field(default_factory=list)
    without: list[tuple[ObjectCreated, str]] = field(default_factory=list)
    denied: dict[str, str] = field(default_factory=dict)


def notice(session: Session, watch: Watch, spec: WatchSpec, objects: Sequence[ObjectCreated]) -> Noticed:
    """Write down what has arrived for each model whose rule is for it.

    Args:
        session: of a transaction.
        watch: that noticed the objects.
        spec: what it is told to do.
        objects: that were put somewhere; those that are none of its business are passed over.

    Returns:
        How many are new, and which nobody may forget yet.
    """
    found = _sorted(session, watch, spec, objects)
    for bucket, reason in found.denied.items():
        bury_event(session, watch, body=bucket.encode(), reason=reason)
    return Noticed(
        new=announce(session, watch, found.pairs),
        waiting=frozenset(created for created, _ in found.without),
        missing=" ".join(dict.fromkeys(missing_model(model) for _, model in found.without)),
    )


def not_known(session: Session, watch: Watch, spec: WatchSpec, objects: Sequence[ObjectCreated]) -> list[ObjectCreated]:
    """Those of the objects that some model has still to look at, and that nobody has written down yet."""
    pairs = _sorted(session, watch, spec, objects).pairs
    there = known(session, [identity_of(created, model) for created, model in pairs])
    return list(dict.fromkeys(created for created, model in pairs if identity_of(created, model) not in there))


def models_of(session: Session, watch: Watch, spec: WatchSpec) -> dict[str, LookedAtBy | None]:
    """What each rule means by its PROJECT/VERSION at the moment; None where there is no such model."""
    return {model: resolve(session, watch, model) for model in dict.fromkeys(rule.model for rule in spec.rules)}


def missing_model(model: str) -> str:
    """Why nothing is looked at by a model that does not exist, and what to do."""
    project, _, version = model.partition("/")
    which = "a trained model" if version == "latest" else f"a trained model of version {version}"
    return f"The project {project!r} does not have {which}: train it, or correct the rule of the watch."


def is_for(spec: WatchSpec, created: ObjectCreated) -> bool:
    """Whether a watch may look at an object, by its name: it could be a picture or video, and was not made by the watch."""
    *folders, name = created.key.split("/")
    if is_other_name(name) or name.startswith(".") or name.casefold().endswith(_UNFINISHED):
        return False
    return not any(map(is_other_folder, folders)) and not _is_own(spec, created)


def _is_own(spec: WatchSpec, created: ObjectCreated) -> bool:
    """Whether the watch itself wrote the object: what it draws and captures would be looked at for ever."""
    if created.key.endswith(WRITTEN_ENDINGS):
        return True
    frames = spec.frames
    own = isinstance(frames, Captured) and created.bucket == frames.bucket and created.key.startswith(frames.prefix)
    return own and _FRAME.search(created.key) is not None


def _sorted(session: Session, watch: Watch, spec: WatchSpec, objects: Iterable[ObjectCreated]) -> _Sorted:
    models: dict[str, LookedAtBy | None] = {}
    all_of_them = _Sorted()
    for created in objects:
        wanted = spec.models(created.key) if is_for(spec, created) else []
        denied = _denied(watch, created.bucket) if wanted and created.bucket != spec.folder_bucket else ""
        if denied:
            all_of_them.denied[created.bucket] = denied
            continue
        for model in wanted:
            if model not in models:
                models[model] = resolve(session, watch, model)
            found = models[model]
            if found is not None:
                all_of_them.pairs.append((created, found))
            else:
                all_of_them.without.append((created, model))
    return all_of_them


def _denied(watch: Watch, bucket: str) -> str:
    try:
        require_own_bucket(Owner(watch.account, watch.region), bucket)
    except AccessDeniedError as problem:
        return str(problem)
    return ""


class Room:
    """How many more arrivals of a watch may wait; asked of the database once a second at most. Thread-safe."""

    def __init__(self, database: Database, at_most: int) -> None:
        """Nothing is asked yet."""
        self._database, self._at_most = database, at_most
        self._left: dict[int, tuple[float, int]] = {}  # when it was asked, and what was left
        self._lock = threading.Lock()

    def __call__(self, watch_id: int) -> int:
        """The number, 0 or more.

        Raises:
            UnavailableError: the database does not answer.
        """
        with self._lock:
            asked, left = self._left.get(watch_id, (-_FRESH_SECONDS, 0))
            if monotonic() - asked >= _FRESH_SECONDS:
                with self._database.reading() as session:
                    left = self._at_most - backlog(session, watch_id, at_most=self._at_most)
                self._left[watch_id] = (monotonic(), left)
            return max(0, left)

    def taken(self, watch_id: int, count: int) -> None:
        """Some of it was used."""
        with self._lock:
            asked, left = self._left.get(watch_id, (-_FRESH_SECONDS, 0))
            self._left[watch_id] = (asked, left - count)
