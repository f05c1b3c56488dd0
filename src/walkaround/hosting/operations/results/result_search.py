"""Searching results: by time, source, project, model, verdict, label, confidence and watch; the newest first.

Every page is a walk along an index that is in order of time, from the last row shown: of a project, of one of its labels,
models or verdicts, or of a watch; of several projects, several walks. What no such index serves is looked for among the next
20,000 rows only: a page may then have fewer rows than asked for, or none, and still say where to go on. A source, or the
beginning of one, that is rarer than that has an index of its own. So a page costs the same among ten million results as among
ten thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, select, tuple_, union_all
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import NotFoundError
from walkaround.hosting.operations.rows import find_project
from walkaround.hosting.owner import Owner
from walkaround.store.pipeline import Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project

_WALKS_AT_ONCE = 100  # selects of one statement: SQLite has a limit
_EVERYTHING = 2**62
_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)

Reviewed = Literal["open", "confirmed", "corrected"]
"""Whether a person has said what a picture shows, and agreed with the model or not."""

Position = tuple[datetime, int]
"""Time and number of a result: results are in the order of these, falling."""


@dataclass(frozen=True, kw_only=True)
class ResultFilter:
    """Which results are wanted; None: all.

    Attributes:
        after, before: times between which the picture was looked at; the first is included, the second is not.
        anomalous: the verdict.
        label: the most probable class.
        model_version: the model that looked.
        source: what the picture is called, all of it.
        prefix: what its name begins with.
        confidence_from, confidence_to: between which the confidence is, both included.
        watch: name of the watch that it came by.
        reviewed: what a person said of it.
    """

    after: datetime | None = None
    before: datetime | None = None
    anomalous: bool | None = None
    label: str | None = None
    model_version: int | None = None
    source: str | None = None
    prefix: str | None = None
    confidence_from: float | None = None
    confidence_to: float | None = None
    watch: str | None = None
    reviewed: Reviewed | None = None


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What one page of a search may cost, in rows that are looked at.

    Attributes:
        candidates: over all projects, where no index serves all that is asked for.
        fewest: of each project, however many there are.
        rare: results that have the source, up to which they are put in order at once.
        common: the same, where those that have the source are not among the newest.
    """

    candidates: int = 20_000
    fewest: int = 500
    rare: int = 20_000
    common: int = 100_000


EFFORT = Effort()


@dataclass(frozen=True, kw_only=True)
class Found:
    """A part of what was searched for.

    Attributes:
        results: the newest first.
        last: how far was looked; None: there is nothing more.
    """

    results: Sequence[Result]
    last: Position | None


class Search:
    """A search of an account's results, or of one of its projects'."""

    def __init__(
        self,
        session: Session,
        owner: Owner,
        wanted: ResultFilter,
        *,
        project_name: str | None = None,
        effort: Effort = EFFORT,
    ) -> None:
        """Find out what is meant.

        Args:
            session: any.
            owner: whose results.
            wanted: which of them.
            project_name: the project; None: all of the account.
            effort: what a page may cost.

        Raises:
            NotFoundError: there is no such project or watch.
        """
        self._wanted, self._effort = wanted, effort
        self.projects = _projects(session, owner, project_name)
        watch = None if wanted.watch is None else _watch_id(session, owner, wanted.watch)
        within = Result.project_id.in_(self.projects)
        self._own = [Result.project_id == number for number in self.projects]
        self._exact = _equal(wanted)
        if watch is not None:
            self._walks = [[Result.watch_id == watch]]
            self._rest = [within, *self._exact, *_ranges(wanted)]
            self._of_source = [Result.watch_id == watch, *self._rest]
        else:
            served = self._exact[:1]
            self._walks = [[own, *served] for own in self._own]
            self._rest = [*self._exact[1:], *_ranges(wanted)]
            self._of_source = [*self._exact, *_ranges(wanted)]

    def next(self, session: Session, *, size: int, after: Position | None) -> Found:
        """The results behind `after`, `size` at most; fewer, though there are more, where much had to be looked through."""
        source = _source_range(self._wanted)
        if source and self._is_rare(session, source, self._effort.rare):
            found, last = self._by_source(session, size, after, source)
        else:
            found, last = self._by_time(session, size, after)
            if source and last is not None and len(found) < size and self._is_rare(session, source, self._effort.common):
                found, last = self._by_source(session, size, after, source)
        rows = session.scalars(select(Result).where(Result.id.in_([number for _, number in found])))
        by_id = {row.id: row for row in rows}
        results = [by_id[number] for _, number in found if number in by_id]  # a result may be deleted in between
        return Found(results=results, last=last)

    def _by_time(self, session: Session, size: int, after: Position | None) -> tuple[list[Position], Position | None]:
        """Walk along the indexes in order of time."""
        conditions = [*_span(self._wanted), *_behind(after)]
        source = _source_range(self._wanted, Result.source + "")  # an expression: the index of sources is in another order
        horizon = None
        if self._rest or source:
            horizon = self._horizon(session, conditions)
            if horizon is not None:
                conditions.append(tuple_(Result.created, Result.id) >= horizon)
        rows = [select(Result.created, Result.id).where(*walk, *conditions, *self._rest, *source) for walk in self._walks]
        found = _newest(session, [_in_order(query, Result).limit(size + 1) for query in rows], size + 1)
        if len(found) > size:
            return found[:size], found[size - 1]
        return found, horizon

    def _horizon(self, session: Session, conditions: list[ColumnElement[bool]]) -> Position | None:
        """How far back every walk may look, so that all of them together look at about so many rows; None: to the end."""
        each = max(self._effort.fewest, self._effort.candidates // max(1, len(self._walks)))
        rows = [select(Result.created, Result.id).where(*walk, *conditions) for walk in self._walks]
        ends = _newest(session, [_in_order(query, Result).offset(each - 1).limit(1) for query in rows], 1)
        return ends[0] if ends else None

    def _is_rare(self, session: Session, source: list[ColumnElement[bool]], most: int) -> bool:
        """Whether so few results have the source that all of them can be put in order."""
        left = most
        for own in self._own:
            some = select(Result.id).where(own, *source).limit(left).subquery()
            left -= session.scalar(select(func.count()).select_from(some)) or 0
            if left <= 0:
                return False
        return True

    def _by_source(
        self, session: Session, size: int, after: Position | None, source: list[ColumnElement[bool]]
    ) -> tuple[list[Position], Position | None]:
        """Put all that have the source in order of time."""
        conditions = [*source, *self._of_source, *_span(self._wanted), *_behind(after)]
        queries = []
        for own in self._own:
            # A limit keeps a database from walking in order of time after all.
            fenced = select(Result.created, Result.id).where(own, *conditions).limit(_EVERYTHING).subquery()
            queries.append(_in_order(select(fenced.c.created, fenced.c.id), fenced.c).limit(size + 1))
        found = _newest(session, queries, size + 1)
        return (found[:size], found[size - 1]) if len(found) > size else (found, None)


def _projects(session: Session, owner: Owner, name: str | None) -> dict[int, str]:
    """Names of the projects by number."""
    if name is not None:
        return {find_project(session, owner, name).id: name}
    query = select(Project.id, Project.name).filter_by(account=owner.account, region=owner.region).order_by(Project.id)
    return {row.id: row.name for row in session.execute(query)}


def _watch_id(session: Session, owner: Owner, name: str) -> int:
    query = select(Watch.id).filter_by(account=owner.account, region=owner.region, name=name)
    number = session.scalars(query).one_or_none()
    if number is None:
        raise NotFoundError(
            f"There is no watch {name!r} in account {owner.account}, region {owner.region}: list them.",
            resource_id=name,
            resource_type="WATCH",
        )
    return number


def _equal(wanted: ResultFilter) -> list[ColumnElement[bool]]:
    """Conditions of which each has an index in order of time; the one that leaves least comes first."""
    equal = {Result.label: wanted.label, Result.model_version: wanted.model_version, Result.anomalous: wanted.anomalous}
    return [column == value for column, value in equal.items() if value is not None]


def _ranges(wanted: ResultFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.confidence_from is not None:
        conditions.append(Result.confidence >= wanted.confidence_from)
    if wanted.confidence_to is not None:
        conditions.append(Result.confidence <= wanted.confidence_to)
    if wanted.reviewed is not None:
        conditions.append(_reviewed(wanted.reviewed))
    return conditions


def _reviewed(wanted: Reviewed) -> ColumnElement[bool]:
    if wanted == "open":
        return Result.verdict.is_(None)
    agrees = case((Result.anomalous, ANOMALY), else_=NORMAL) == Result.verdict
    return agrees if wanted == "confirmed" else and_(Result.verdict.is_not(None), not_(agrees))


def _span(wanted: ResultFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.after is not None:
        conditions.append(Result.created >= wanted.after)
    if wanted.before is not None:
        conditions.append(Result.created < wanted.before)
    return conditions


def _source_range(wanted: ResultFilter, column: Any = Result.source) -> list[ColumnElement[bool]]:
    """Conditions on the source that its index serves."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.source is not None:
        conditions.append(column == wanted.source)
    if wanted.prefix:
        conditions.append(column >= wanted.prefix)
        end = _end_of(wanted.prefix)
        if end is not None:
            conditions.append(column < end)
    return conditions


def _end_of(prefix: str) -> str | None:
    """The first text, byte by byte in UTF-8, behind all that begin with `prefix`; None: there is none."""
    for place in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[place]) + 1
        if following in _SURROGATES:
            following = _SURROGATES.stop
        if following <= _LAST_CHARACTER:
            return prefix[:place] + chr(following)
    return None


def _behind(after: Position | None) -> list[ColumnElement[bool]]:
    return [] if after is None else [tuple_(Result.created, Result.id) < after]


def _in_order(query: Any, columns: Any) -> Select[Any]:
    ordered: Select[Any] = query.order_by(columns.created.desc(), columns.id.desc())
    return ordered


def _newest(session: Session, queries: Sequence[Select[Any]], most: int) -> list[Position]:
    """The newest rows of all the queries."""
    found: list[Position] = []
    for start in range(0, len(queries), _WALKS_AT_ONCE):
        parts = [part.subquery() for part in queries[start : start + _WALKS_AT_ONCE]]
        rows = union_all(*(select(part.c.created, part.c.id) for part in parts)).subquery()
        query = _in_order(select(rows.c.created, rows.c.id), rows.c).limit(most)
        found += [(created, number) for created, number in session.execute(query)]
    return sorted(found, reverse=True)[:most]
