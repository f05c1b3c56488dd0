"""Watches over REST: places that pictures and videos are put into, and the dead letters of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from walkaround.errors import ValidationError
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.pipeline import letters as dead
from walkaround.pipeline import watches
from walkaround.pipeline.arrivals import backlog
from walkaround.pipeline.outbox import sink_states
from walkaround.pipeline.sinks.senders import check_sinks
from walkaround.pipeline.sinks.webhook import check_host
from walkaround.pipeline.spec import BucketSink, Captured, DynamoSink, WatchSpec, WebhookSink
from walkaround.settings import Settings
from walkaround.store.pipeline import Watch as WatchRow
from walkaround.web.rest.access import Changer, Reader, Visit
from walkaround.web.rest.shapes import Limit, Strict

router = APIRouter(prefix="/watches", tags=["watches"])

Name = Annotated[str, Path(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,62}$", description="A watch.")]
_MOST_NUMBER = 2**63 - 1  # more is none that a database has
_MOST_COUNTED = 10_000


class SinkState(BaseModel):
    """A sink of a watch that does not have every result yet."""

    sink: Annotated[str, Field(description="Its name.")]
    waiting: Annotated[int, Field(description="Results that are not there yet.")]
    dead: Annotated[int, Field(description="Results that never got there: dead letters of the kind delivery.")]
    error: Annotated[str | None, Field(description="What went wrong with one that is tried again; null where nothing did.")]
    next_try: Annotated[datetime | None, Field(description="When that one is tried again.")]


class Watch(BaseModel):
    """A watch, and how it is."""

    spec: Annotated[WatchSpec, Field(description="What it is told to do.")]
    origin: Annotated[str, Field(description="rest, file (the settings) or command: where it is changed.")]
    status: Annotated[str, Field(description="What is wrong with its source at the moment; empty where nothing is.")]
    passed_over: Annotated[
        str, Field(description="Links and odd names in its folder, which are not looked at: how many, and the first; or empty.")
    ]
    created: Annotated[datetime, Field(description="When it was made.")]
    updated: Annotated[datetime, Field(description="When it was changed last.")]
    looked: Annotated[datetime | None, Field(description="When its source was last looked at in full.")]


class WatchAndSinks(Watch):
    """A watch, how it is, and how its sinks are."""

    sinks: Annotated[list[SinkState], Field(description="Those of its sinks that do not have every result yet, by name.")]


class WatchState(WatchAndSinks):
    """A watch, how it is, and what waits or is lost."""

    waiting: Annotated[int, Field(description="Pictures and videos that have arrived and wait; counted up to 10,000.")]
    dead: Annotated[dict[dead.Kind, int], Field(description="How many dead letters there are of each kind.")]

    @property
    def is_troubled(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.status) or any(self.dead.values()) or any(sink.error or sink.dead for sink in self.sinks)


class Watches(BaseModel):
    """All watches."""

    watches: Annotated[list[WatchState], Field(description="By name.")]


class Letter(BaseModel):
    """A dead letter."""

    kind: Annotated[dead.Kind, Field(description="What could not be looked at, delivered or understood.")]
    number: Annotated[int, Field(description="Of its kind.")]
    about: Annotated[str, Field(description="The object's address, the sink, or the beginning of the event.")]
    reason: Annotated[str, Field(description="The error, and what to do.")]
    times: Annotated[int, Field(description="How often it was tried, or came.")]
    created: Annotated[datetime, Field(description="When it arrived.")]


class Letters(BaseModel):
    """Dead letters, the newest first, and how many there are of each kind."""

    letters: Annotated[list[Letter], Field(description="Those of the page.")]
    counts: Annotated[dict[dead.Kind, int], Field(description="How many there are of each kind.")]
    next: Annotated[int | None, Field(description="`before` of the next page; null at the end.")]


class WhichLetters(Strict):
    """Dead letters to try once more, or to forget."""

    kind: Annotated[dead.Kind, Field(description="Of which kind.")] = "arrival"
    numbers: Annotated[
        list[Annotated[int, Field(ge=1, le=_MOST_NUMBER)]] | None,
        Field(max_length=10_000, description="Which; null: all of this kind."),
    ] = None


class Replayed(BaseModel):
    """How many dead letters are tried once more."""

    replayed: Annotated[int, Field(description="How many.")]
    left: Annotated[int, Field(description="Events that stay: still not understood, or their model is missing.")]


class Discarded(BaseModel):
    """How many dead letters are forgotten."""

    discarded: Annotated[int, Field(description="How many.")]


@router.get("")
def list_watches(visit: Reader) -> Watches:
    """List the watches, by name, and how each is."""
    with visit.service.database.reading() as session:
        return Watches(watches=[watch_state(session, row) for row in watches.list_watches(session, visit.owner)])


@router.put("/{watch}", status_code=status.HTTP_200_OK)
def put_watch(visit: Changer, watch: Name, spec: WatchSpec) -> Watch:
    """Make a watch, or change it. Folders of the server are watched by its settings file only."""
    if spec.name != watch:
        raise ValidationError(f"The name in the body is {spec.name!r}, and in the path {watch!r}: make them the same.")
    _check_places(visit, spec, visit.service.settings)
    with visit.service.database.transaction() as session:
        return _watch(watches.put_watch(session, visit.owner, spec, origin="rest"))


@router.get("/{watch}")
def describe_watch(visit: Reader, watch: Name) -> WatchState:
    """Tell what a watch does, how it is, what waits or is lost, and which of its sinks lag behind."""
    with visit.service.database.reading() as session:
        return watch_state(session, watches.find_watch(session, visit.owner, watch))


@router.delete("/{watch}", status_code=status.HTTP_204_NO_CONTENT)
def delete_watch(visit: Changer, watch: Name) -> None:
    """Delete a watch, and what waits to be looked at; results stay."""
    with visit.service.database.transaction() as session:
        watches.delete_watch(session, visit.owner, watch)


@router.get("/{watch}/letters")
def list_letters(
    visit: Reader,
    watch: Name,
    kind: Annotated[dead.Kind, Query(description="Which.")] = "arrival",
    before: Annotated[int | None, Query(ge=1, le=_MOST_NUMBER, description="`next` of the page before.")] = None,
    limit: Limit = 100,
) -> Letters:
    """List dead letters: what could not be looked at, delivered or understood, with the reason."""
    with visit.service.database.reading() as session:
        row = watches.find_watch(session, visit.owner, watch)
        found = dead.dead_letters(session, row, kind=kind, before=before, at_most=limit)
        counts = dead.count_letters(session, row)
    shown = [Letter.model_validate(one, from_attributes=True) for one in found]
    return Letters(letters=shown, counts=counts, next=shown[-1].number if len(shown) == limit else None)


@router.post("/{watch}/letters/replay")
def replay_letters(visit: Changer, watch: Name, which: WhichLetters) -> Replayed:
    """Try dead letters once more."""
    with visit.service.database.transaction() as session:
        row = watches.find_watch(session, visit.owner, watch)
        came = dead.replay(session, row, kind=which.kind, numbers=which.numbers)
    return Replayed(replayed=came.replayed, left=came.left)


@router.delete("/{watch}/letters")
def discard_letters(visit: Changer, watch: Name, which: WhichLetters) -> Discarded:
    """Forget dead letters; an object whose arrival is forgotten is not looked at when it is told of again."""
    with visit.service.database.transaction() as session:
        row = watches.find_watch(session, visit.owner, watch)
        return Discarded(discarded=dead.discard(session, row, kind=which.kind, numbers=which.numbers))


def watch_state(session: Session, row: WatchRow) -> WatchState:
    """A watch, and how it is."""
    sinks = [SinkState.model_validate(one, from_attributes=True) for one in sink_states(session, row.id)]
    waiting = backlog(session, row.id, at_most=_MOST_COUNTED)
    return WatchState(**_watch(row).model_dump(), sinks=sinks, waiting=waiting, dead=dead.count_letters(session, row))


def _check_places(visit: Visit, spec: WatchSpec, settings: Settings) -> None:
    """Whoever asks over the network reaches only what the operator configured.

    Raises:
        ValidationError: a folder is to be watched, or a queue, table or host used that is not in the settings.
        BucketError: a bucket belongs to another account.
    """
    if spec.source.startswith("/"):
        raise ValidationError("A folder of the server can be watched by its settings file or `walkaround watch` only.")
    scheme, _, rest = spec.source.partition("://")
    if scheme in ("http", "https"):
        raise ValidationError("A queue is named sqs://NAME over REST; where queues are is for the operator to say.")
    if scheme == "sqs" and rest.rstrip("/") not in _names(settings.sqs_queues):
        raise ValidationError(
            f"The queue {rest!r} may not be watched: whoever runs the server can add it to the setting sqs_queues."
        )
    buckets = [rest.partition("/")[0]] if scheme in ("s3", "gs", "az") else []
    buckets += [sink.bucket for sink in spec.sinks if isinstance(sink, BucketSink)]
    if isinstance(spec.frames, Captured) and spec.frames.bucket is not None:
        buckets.append(spec.frames.bucket)
    for bucket in buckets:
        require_own_bucket(visit.owner, bucket)
    for sink in spec.sinks:
        if isinstance(sink, WebhookSink):
            check_host(sink.url, settings)
        if isinstance(sink, DynamoSink) and sink.table not in _names(settings.dynamodb_tables):
            raise ValidationError(
                f"Results may not be written to the table {sink.table!r}: whoever runs the server can add it to the setting "
                "dynamodb_tables."
            )
    check_sinks(spec, settings)


def _names(setting: str | None) -> list[str]:
    return [name.strip() for name in (setting or "").split(",") if name.strip()]


def _watch(row: WatchRow) -> Watch:
    return Watch(
        spec=watches.spec_of(row),
        origin=row.origin,
        status=row.status,
        passed_over=row.passed_over,
        created=row.created,
        updated=row.updated,
        looked=row.looked,
    )
