"""Arrivals: rows for what was put somewhere. Told of any number of times, in any order, each is looked at once.

An arrival's identity is a checksum of bucket, key, version (or etag) and model. A process takes some for a while, as it does
jobs, and what it found is written in the transaction that ends them: nothing is lost by `kill -9`, and nothing is there twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from walkaround.store.pipeline import GONE, Arrival, DeadEvent, Watch
from walkaround.store.tables import Model, Project, Table, now

LEASE_SECONDS = 20.0
BODY_KEPT = 4096
"""Characters of an event that could not be understood."""
_DEAD_EVENTS_KEPT = 10_000
_AT_ONCE = 500  # rows of one statement: SQLite has a limit on parameters
_MOST_VERSION = 2**31 - 1  # ten digits may be more than a column holds
_DANGEROUS = 1
"""Deaths of processes from which on an arrival is worked on alone: of many in work only one was the killer."""


@dataclass(frozen=True, kw_only=True)
class ObjectCreated:
    """An object was put into a bucket, as an event or a listing tells.

    Attributes:
        bucket, key: its address; the key as it is, not as a URL spells it.
        version: the server's name of the version; None where there are none, or it was not told.
        etag: changes with the content, without quotes; None where it was not told.
        size: in bytes; None where it was not told.
        happened: when; None where it was not told.
    """

    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None
    size: int | None = None
    happened: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class LookedAtBy:
    """A model that an arrival is for.

    Attributes:
        project_id: the row of its project.
        version: its version.
        latest: the rule says PROJECT/latest: what one version has looked at is not looked at again by the next.
    """

    project_id: int
    version: int
    latest: bool = False


def identity_of(created: ObjectCreated, model: LookedAtBy) -> str:
    """The checksum that tells an arrival from every other; 64 hexadecimal digits."""
    state = f"v:{created.version}" if created.version is not None else f"e:{created.etag or ''}"
    version = "latest" if model.latest else str(model.version)
    text = "\n".join((created.bucket, created.key, state, str(model.project_id), version))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def announce(session: Session, watch: Watch, pairs: Iterable[tuple[ObjectCreated, LookedAtBy]]) -> int:
    """Write down what has arrived, and is not known yet.

    Args:
        session: of a transaction.
        watch: that noticed it.
        pairs: objects, each with a model that shall look at it.

    Returns:
        How many are new.
    """
    moment = now()
    rows = {
        identity_of(created, model): {
            "watch_id": watch.id,
            "project_id": model.project_id,
            "model_version": model.version,
            "bucket": created.bucket,
            "key": created.key,
            "version": created.version,
            "etag": created.etag,
            "size": created.size,
            "happened": created.happened or moment,
            "due": moment + timedelta(microseconds=number),  # they are looked at in the order in which they were told
            "created": moment,
        }
        for number, (created, model) in enumerate(pairs)
    }
    fresh = 0
    identities = sorted(rows)  # so that two processes that write the same ones cannot wait for each other
    for start in range(0, len(identities), _AT_ONCE):
        some = [{"identity": identity, **rows[identity]} for identity in identities[start : start + _AT_ONCE]]
        fresh += _insert_new(session, some)
    return fresh


def known(session: Session, identities: Sequence[str]) -> set[str]:
    """Which of these arrivals there are already, in whatever state; not those that wait for a watch that was deleted."""
    found: set[str] = set()
    for start in range(0, len(identities), _AT_ONCE):
        some = Arrival.identity.in_(identities[start : start + _AT_ONCE])
        found.update(session.scalars(select(Arrival.identity).where(some, ~_abandoned(session))))
    return found


def backlog(session: Session, watch_id: int, *, at_most: int) -> int:
    """How many arrivals of a watch wait; counted up to a bound, so that asking costs the same whatever waits."""
    own = (Arrival.watch_id == watch_id, Arrival.state.in_(("due", "running")))
    waiting = select(Arrival.id).where(*own).limit(at_most).subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def free_lapsed(session: Session, *, busy: Collection[int]) -> None:
    """Let arrivals be taken again whose process has not renewed them; `busy` are those that this process works on."""
    lapsed = update(Arrival).where(Arrival.state == "running", Arrival.leased_until < now(), Arrival.id.not_in(busy))
    _free(session, lapsed, deaths=Arrival.deaths + 1)


def any_due(session: Session, watch_ids: Collection[int]) -> bool:
    """Whether any arrival of these watches is due."""
    due = (Arrival.state == "due", Arrival.due <= now(), Arrival.watch_id.in_(watch_ids))
    return session.scalar(select(Arrival.id).where(*due).limit(1)) is not None


def dangerous_due(session: Session, watch_ids: Collection[int]) -> bool:
    """Whether an arrival of these watches waits that a process died of before: it may have been the one that killed it."""
    return session.scalar(_due(watch_ids, dangerous=True).limit(1)) is not None


def claim(session: Session, *, owner: str, watch_ids: Collection[int], most: int) -> list[Arrival]:
    """Take arrivals of these watches that are due, the oldest first, leaving aside those that a process died of before."""
    return _lease(session, _due(watch_ids, dangerous=False).limit(most), owner)


def claim_dangerous(session: Session, *, owner: str, watch_ids: Collection[int]) -> list[Arrival]:
    """Take one that a process died of before; for a process that works on nothing else, so that what kills kills alone."""
    return _lease(session, _due(watch_ids, dangerous=True).limit(1), owner)


def waiting(session: Session, watch_ids: Collection[int]) -> bool:
    """Whether anything of these watches is still to be looked at."""
    query = select(Arrival.id).where(Arrival.watch_id.in_(watch_ids), Arrival.state.in_(("due", "running"))).limit(1)
    return session.scalar(query) is not None


def renew(session: Session, *, owner: str, ids: Collection[int]) -> set[int]:
    """Keep the leases of arrivals that are still this process's; which those are."""
    own = update(Arrival).where(Arrival.id.in_(ids), Arrival.leased_by == owner, Arrival.state == "running")
    kept = session.scalars(own.values(leased_until=now() + timedelta(seconds=LEASE_SECONDS)).returning(Arrival.id))
    return set(kept.all())


def end(session: Session, *, owner: str, ids: Collection[int]) -> set[int]:
    """End arrivals, in the transaction that writes what was found; only those are returned that were this process's to end."""
    own = update(Arrival).where(Arrival.id.in_(ids), Arrival.leased_by == owner, Arrival.state == "running")
    ended = own.values(state="done", error=None, ended=now(), leased_by=None, leased_until=None).returning(Arrival.id)
    return set(session.scalars(ended).all())


def release(session: Session, arrival_id: int, *, owner: str, seconds: float, failed: str | None) -> bool:
    """Give an arrival back, to be taken again after some seconds; whether it was still this process's.

    Args:
        session: of a transaction.
        arrival_id: the arrival.
        owner: name of this process.
        seconds: until it is due again.
        failed: why it could not be looked at, which counts as an attempt; None: there was no room for it.
    """
    arrival = _held(session, arrival_id, owner)
    if arrival is None:
        return False
    arrival.due = now() + timedelta(seconds=seconds)
    arrival.attempts += failed is not None
    arrival.state, arrival.error, arrival.leased_by, arrival.leased_until = "due", failed, None, None
    return True


def bury(session: Session, arrival_id: int, *, owner: str, reason: str) -> bool:
    """Put an arrival among the dead letters: looking at it again would give the same error; whether it was this process's."""
    arrival = _held(session, arrival_id, owner)
    if arrival is None:
        return False
    arrival.state, arrival.error, arrival.ended = "dead", reason, now()
    arrival.leased_by = arrival.leased_until = None
    return True


def free_of(session: Session, owner: str) -> None:
    """Let what a process held that is known to be dead be taken at once."""
    lost = update(Arrival).where(Arrival.leased_by == owner, Arrival.state == "running")
    _free(session, lost, deaths=Arrival.deaths + 1)


def leave_of(session: Session, owner: str) -> None:
    """Let what this process holds be taken at once, because it stops in good order."""
    _free(session, update(Arrival).where(Arrival.leased_by == owner, Arrival.state == "running"), deaths=Arrival.deaths)


def holders(session: Session, *, busy: Collection[int]) -> tuple[list[str], bool]:
    """The processes that hold arrivals, and whether a lease has lapsed; `busy` are those that this process works on."""
    found = session.scalars(select(Arrival.leased_by).where(Arrival.state == "running").distinct())
    lapsed = select(Arrival.id).where(Arrival.state == "running", Arrival.leased_until < now(), Arrival.id.not_in(busy))
    return [name for name in found if name is not None], session.scalar(lapsed.limit(1)) is not None


def bury_event(session: Session, watch: Watch, *, body: bytes, reason: str) -> None:
    """Keep an event that could not be understood: its beginning, and how often it came; the oldest go when they are many."""
    digest = hashlib.sha256(body).hexdigest()
    text = body[: 4 * BODY_KEPT].decode("utf-8", "replace").replace("\0", "\ufffd")[:BODY_KEPT]
    row = {"watch_id": watch.id, "digest": digest, "body": text, "error": reason}
    insert = _insert(session, DeadEvent).values([row]).on_conflict_do_nothing(index_elements=["watch_id", "digest"])
    if not session.scalars(insert.returning(DeadEvent.id)).all():  # another process may bury the same one
        again = update(DeadEvent).where(DeadEvent.watch_id == watch.id, DeadEvent.digest == digest)
        session.execute(again.values(times=DeadEvent.times + 1).execution_options(synchronize_session=False))
        return
    newest = select(DeadEvent.id).where(DeadEvent.watch_id == watch.id).order_by(DeadEvent.id.desc()).offset(_DEAD_EVENTS_KEPT)
    beyond = session.scalar(newest.limit(1))
    if beyond is not None:
        session.execute(delete(DeadEvent).where(DeadEvent.watch_id == watch.id, DeadEvent.id <= beyond))


def resolve(session: Session, watch: Watch, model: str) -> LookedAtBy | None:
    """The model that a rule means by PROJECT/VERSION; "latest" is the newest that is trained. None where there is none."""
    name, _, version = model.partition("/")
    query = (
        select(Model.project_id, Model.version)
        .join(Project, Model.project_id == Project.id)
        .where(Project.account == watch.account, Project.region == watch.region, Project.name == name)
        .where(Model.package.is_not(None), Model.status != "DELETING")
        .order_by(Model.version.desc())
        .limit(1)
    )
    row = session.execute(
        query if version == "latest" else query.where(Model.version == min(int(version), _MOST_VERSION))
    ).one_or_none()
    return None if row is None else LookedAtBy(project_id=row[0], version=row[1], latest=version == "latest")


def _held(session: Session, arrival_id: int, owner: str) -> Arrival | None:
    query = select(Arrival).where(Arrival.id == arrival_id, Arrival.leased_by == owner, Arrival.state == "running")
    return session.scalars(query.with_for_update()).one_or_none()


def _due(watch_ids: Collection[int], *, dangerous: bool) -> Select[Arrival]:
    deaths = Arrival.deaths >= _DANGEROUS if dangerous else Arrival.deaths < _DANGEROUS
    due = (Arrival.state == "due", Arrival.due <= now(), Arrival.watch_id.in_(watch_ids), deaths)
    return select(Arrival).where(*due).order_by(Arrival.due, Arrival.id)


def _lease(session: Session, which: Select[Arrival], owner: str) -> list[Arrival]:
    taken = list(session.scalars(which.with_for_update(skip_locked=True)))
    until = now() + timedelta(seconds=LEASE_SECONDS)
    for arrival in taken:
        arrival.state, arrival.leased_by, arrival.leased_until = "running", owner, until
    return taken


def _free(session: Session, which: Update, *, deaths: Any) -> None:
    freed = which.values(state="due", leased_by=None, leased_until=None, deaths=deaths)
    session.execute(freed.execution_options(synchronize_session=False))


def _insert_new(session: Session, rows: list[dict[str, Any]]) -> int:
    """Insert the rows that are not there yet, take over those that wait for a watch that was deleted; how many those are."""
    insert = _insert(session, Arrival).values(rows)
    taken = {name: insert.excluded[name] for name in ("watch_id", "due")} | {"state": "due", "attempts": 0, "error": None}
    given = insert.on_conflict_do_update(index_elements=["identity"], set_=taken, where=_abandoned(session))
    return len(session.scalars(given.returning(Arrival.id)).all())


def _insert(session: Session, table: type[Table]) -> Any:
    """The INSERT of this database, which knows what to do about conflicts."""
    return (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(table)


def _abandoned(session: Session) -> ColumnElement[bool]:
    """Nobody will look at it: it is not done, and its watch was deleted."""
    gone = list(session.scalars(select(Watch.id).where(Watch.origin == GONE)))
    return Arrival.watch_id.in_(gone) & Arrival.state.in_(("due", "dead"))
