"""The rows of watches: made by REST, by the settings file, or by `walkaround watch`, each changed only where it was made."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from walkaround.buckets.buckets import Buckets
from walkaround.errors import ConflictError, NotFoundError, writing
from walkaround.hosting.owner import Owner
from walkaround.pipeline.spec import WatchSpec, watch_spec
from walkaround.store.locks import lock_account
from walkaround.store.pipeline import GONE, Arrival, DeadEvent, Delivery, Watch
from walkaround.store.tables import now

Origin = Literal["rest", "file", "command"]
_AT_ONCE = 1000


def put_watch(session: Session, owner: Owner, spec: WatchSpec, *, origin: Origin, home: str = "") -> Watch:
    """Make a watch, or give one of the same name and origin another spec.

    Args:
        session: of a transaction.
        owner: whose it is.
        spec: what it is to do.
        origin: who makes it.
        home: of one by file, see `home_of`.

    Raises:
        ConflictError: the name is taken by a watch that was made elsewhere.
    """
    lock_account(session, owner.account)
    values = spec.model_dump(mode="json")
    watch = _find(session, owner, spec.name)
    if watch is None:
        watch = Watch(account=owner.account, region=owner.region, name=spec.name, spec=values, origin=origin, home=home)
        session.add(watch)
        session.flush()
    elif watch.origin != origin:
        raise ConflictError(
            f"There is a watch {spec.name!r} already, made {_made_by(watch)}: choose another name.",
            resource_id=spec.name,
            resource_type="WATCH",
        )
    elif watch.spec != values:
        watch.spec, watch.updated = values, now()
    return watch


def sync_watches(session: Session, owner: Owner, specs: Sequence[WatchSpec], *, home: str) -> None:
    """Have the watches of a settings file, and no others that this server has had from there; those of other servers stay.

    Raises:
        ConflictError: a name is taken by a watch that was made elsewhere.
    """
    wanted = {spec.name for spec in specs}
    lock_account(session, owner.account)
    own = select(Watch).filter_by(account=owner.account, region=owner.region, origin="file", home=home)
    for watch in session.scalars(own):
        if watch.name not in wanted:
            _discard(watch)
    session.flush()
    for spec in specs:
        put_watch(session, owner, spec, origin="file", home=home)


def find_watch(session: Session, owner: Owner, name: str) -> Watch:
    """The watch of a name.

    Raises:
        NotFoundError: there is none.
    """
    watch = _find(session, owner, name)
    if watch is None:
        raise NotFoundError(
            f"There is no watch {name!r} in account {owner.account}, region {owner.region}: list them.",
            resource_id=name,
            resource_type="WATCH",
        )
    return watch


def list_watches(session: Session, owner: Owner) -> Sequence[Watch]:
    """All watches of an account in a region, by name."""
    query = select(Watch).filter_by(account=owner.account, region=owner.region).where(Watch.origin != GONE)
    return session.scalars(query.order_by(Watch.name)).all()


def delete_watch(session: Session, owner: Owner, name: str) -> None:
    """Delete a watch and what waits to be looked at; results stay, and what was looked at is known again.

    Raises:
        NotFoundError: there is none.
        ConflictError: it stands in a settings file.
    """
    watch = find_watch(session, owner, name)
    if watch.origin == "file":
        raise ConflictError(
            f"The watch {name!r} was made {_made_by(watch)}: delete it there.", resource_id=name, resource_type="WATCH"
        )
    _discard(watch)


def active_watches(
    session: Session, *, only: int | None = None, owner: Owner, files: Collection[str]
) -> list[tuple[Watch, WatchSpec]]:
    """The watches that a process works for.

    Args:
        session: any.
        only: the one that `walkaround watch` runs; None: all that a server runs: those made by REST, and those of its own file.
        owner: whose the watches of its file are.
        files: their names.
    """
    if only is not None:
        query = select(Watch).where(Watch.id == only, Watch.origin == "command")
    else:
        own = and_(Watch.account == owner.account, Watch.region == owner.region, Watch.name.in_(files))
        query = select(Watch).where(or_(Watch.origin == "rest", and_(Watch.origin == "file", own)))
    return [(watch, spec_of(watch)) for watch in session.scalars(query.order_by(Watch.id))]


def home_of(data: Path) -> str:
    """What tells the server of this data folder from others on the same database; kept in a file there.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = data / "home"
    with writing(path):
        data.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
        return path.read_text(encoding="ascii")


def spec_of(watch: Watch) -> WatchSpec:
    """What a watch is told to do."""
    return watch_spec(watch.spec, where=watch.name)


def map_folder(buckets: Buckets, spec: WatchSpec) -> None:
    """Have the folder that is watched as a bucket, under a name that nobody else can give.

    Raises:
        BucketError: another watch of that name has another folder.
    """
    if spec.folder_bucket is not None:
        buckets.map(spec.folder_bucket, Path(spec.source))


def address_of(spec: WatchSpec, bucket: str, key: str) -> str:
    """How a person calls what arrived: a path where a folder is watched, else s3://bucket/key."""
    return str(Path(spec.source) / key) if spec.source.startswith("/") else f"s3://{bucket}/{key}"


def remove_gone(session: Session) -> bool:
    """Remove some of what waited for deleted watches; whether more is left. What is done stays, to be known again."""
    for watch_id in session.scalars(select(Watch.id).where(Watch.origin == GONE)):
        for which in (
            select(Delivery.id).where(Delivery.watch_id == watch_id),
            select(Arrival.id).where(Arrival.watch_id == watch_id, Arrival.state.in_(("due", "dead"))),
            select(DeadEvent.id).where(DeadEvent.watch_id == watch_id),
        ):
            some = session.scalars(which.limit(_AT_ONCE)).all()
            if some:
                table = which.column_descriptions[0]["entity"]
                session.execute(delete(table).where(table.id.in_(some)).execution_options(synchronize_session=False))
                return True
        if session.scalar(select(Arrival.id).where(Arrival.watch_id == watch_id).limit(1)) is None:
            session.execute(delete(Watch).where(Watch.id == watch_id).execution_options(synchronize_session=False))
    return False


def _find(session: Session, owner: Owner, name: str) -> Watch | None:
    return session.scalars(select(Watch).filter_by(account=owner.account, region=owner.region, name=name)).one_or_none()


def _discard(watch: Watch) -> None:
    # The name is free at once; '/' cannot be in one that is given.
    watch.origin, watch.name, watch.updated = GONE, f"/{watch.id}", now()


def _made_by(watch: Watch) -> str:
    return {"rest": "over REST", "file": "in the settings file", "command": "by `walkaround watch`"}[watch.origin]
