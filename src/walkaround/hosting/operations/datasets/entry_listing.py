"""ListDatasetEntries: pages of lines, at a cost that does not grow with the dataset or with how far the page is.

Every page is a walk along an index from the last id shown. A span of time is a span of ids, because within a dataset times rise
with ids. A search for a part of `source-ref` walks along the index of substrings where there is one (FTS5 of SQLite, pg_trgm of
PostgreSQL, both from three characters on), else along the entries. Because what is searched for may be rare, a page of a search
looks at no more than so many candidates: it may then have fewer lines than asked for, or none, and still a NextToken to go on
with, as listings of the old service could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import ValidationError
from walkaround.hosting.operations.datasets.substrings import GRAM, is_indexed, matches, sought
from walkaround.hosting.operations.pages import Page, open_page, paged
from walkaround.hosting.operations.rows import Reply, find_dataset, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Entry

CANDIDATES = 10_000
"""Entries that one page of a search looks at."""

_GROWTH = 10
_RARE = 0.02
"""Of all entries. What is rarer is looked for in PostgreSQL's index at once."""
_HIGHEST = 2**63 - 1
_Found = list[tuple[int, str]]


@dataclass(frozen=True, kw_only=True)
class EntryFilter:
    """Which entries are wanted; None: all.

    Attributes:
        labeled: with a label, or without.
        anomaly_class: normal or anomaly.
        before, after: times between which the entry came into the dataset, themselves excluded.
        contains: a part of `source-ref`, upper and lower case told apart.
    """

    labeled: bool | None = None
    anomaly_class: str | None = None
    before: datetime | None = None
    after: datetime | None = None
    contains: str | None = None

    @property
    def labels(self) -> tuple[str | None, ...] | None:
        """The labels that are wanted; None: any and none."""
        if self.anomaly_class is not None:
            return () if self.labeled is False else (self.anomaly_class,)
        if self.labeled is None:
            return None
        return (NORMAL, ANOMALY) if self.labeled else (None,)


@dataclass(frozen=True, kw_only=True)
class _Span:
    """Ids of one dataset: above `low`, up to `high`."""

    dataset: int
    low: int
    high: int


def list_dataset_entries(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    dataset_type: str,
    wanted: EntryFilter,
    page: tuple[str | None, int | None] = (None, None),
) -> Reply:
    """Lines of a dataset in the order in which their pictures came.

    Args:
        session: any.
        owner: whose it is.
        project_name: its project.
        dataset_type: train or test.
        wanted: which entries.
        page: NextToken and MaxResults.

    Raises:
        NotFoundError: there is no such project or dataset.
        ValidationError: the token is not of this listing, or a filter can match nothing.
    """
    if wanted.contains is not None and (not wanted.contains.strip() or not _storable(wanted.contains)):
        raise ValidationError(f"SourceRefContains is {wanted.contains!r}: give at least one character that is not a space.")
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    opened = open_page("ListDatasetEntries", owner, dataset.id, wanted, next_token=page[0], max_results=page[1])
    span = _span(session, dataset.id, wanted, opened)
    if wanted.contains is None:
        found, looked = _walk(session, span, wanted.labels, limit=opened.size + 1), None
    else:
        found, looked = _search(session, span, wanted.labels, wanted.contains, limit=opened.size + 1)
    shown = found[: opened.size]
    last = shown[-1][0] if len(found) > opened.size else looked
    return paged("DatasetEntries", [line for _, line in shown], None if last is None else opened.token_after(last))


def _storable(text_: str) -> bool:
    try:
        text_.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text_


def _span(session: Session, dataset: int, wanted: EntryFilter, page: Page) -> _Span:
    low, high = page.after[0] if page.after else 0, _HIGHEST
    newest_first = select(Entry.id).where(Entry.dataset_id == dataset).order_by(Entry.created.desc(), Entry.id.desc()).limit(1)
    if wanted.after is not None:
        low = max(low, session.scalar(newest_first.where(Entry.created <= wanted.after)) or 0)
    if wanted.before is not None:
        high = session.scalar(newest_first.where(Entry.created < wanted.before)) or 0
    return _Span(dataset=dataset, low=low, high=high)


def _walk(session: Session, span: _Span, labels: Sequence[str | None] | None, *, limit: int) -> _Found:
    """Entries in order, of any label or of some: one walk for each label, so that rare ones are found at once."""
    query = select(Entry.id, Entry.line).order_by(Entry.id).limit(limit).where(*_within(span))
    if labels is None:
        return [(number, line) for number, line in session.execute(query)]
    walks = [session.execute(query.where(_has(label))).all() for label in labels]
    return [(number, line) for number, line in merge(*walks)][:limit]


def _search(
    session: Session, span: _Span, labels: Sequence[str | None] | None, part: str, *, limit: int
) -> tuple[_Found, int | None]:
    """Entries whose reference contains `part`, and the id up to which was looked where that was not everywhere."""
    first, last = _ends(session, span)
    if labels == () or first is None or last is None:
        return [], None
    if len(part) < GRAM or not is_indexed(session):
        return _search_near(session, span, labels, part, limit=limit)
    known = sought(session, part, dataset=span.dataset, low=first - 1, high=last)
    if session.get_bind().dialect.name == "sqlite":
        span = _Span(dataset=span.dataset, low=first - 1, high=last)
        return _search_fts(session, span, labels, part, phrase=known.phrase, limit=limit)
    found: _Found = []
    looked = span.low
    if known.share > _RARE:  # few steps lead to a page of what is common, and the index to far too much
        found, end = _search_near(session, span, labels, part, limit=limit)
        if end is None:
            return found, None
        looked = end
    far = _Span(dataset=span.dataset, low=looked, high=span.high)
    return [*found, *_search_far(session, far, labels, part, grams=known.grams, limit=limit - len(found))], None


def _ends(session: Session, span: _Span) -> tuple[int | None, int | None]:
    """The first and the last entry."""
    query = select(Entry.id).where(*_within(span)).limit(1)
    return session.scalar(query.order_by(Entry.id)), session.scalar(query.order_by(Entry.id.desc()))


def _search_near(
    session: Session, span: _Span, labels: Sequence[str | None] | None, part: str, *, limit: int
) -> tuple[_Found, int | None]:
    """Walk along the entries, as far as candidates may be looked at."""
    walk = select(Entry.id).where(*_within(span)).order_by(Entry.id)
    end = session.scalar(walk.offset(CANDIDATES - 1).limit(1))
    near = _within(_Span(dataset=span.dataset, low=span.low, high=span.high if end is None else end))
    query = select(Entry.id, Entry.line).where(*near, _has_part(session, part), *_labelled(labels)).order_by(Entry.id)
    found = [(number, line) for number, line in session.execute(query.limit(limit))]
    return found, end if len(found) < limit else None


def _search_far(
    session: Session, span: _Span, labels: Sequence[str | None] | None, part: str, *, grams: Sequence[str], limit: int
) -> _Found:
    """All matches in pg_trgm's index, apart from the order of ids, so that no walk to the far end is planned."""
    likely = [Entry.source_ref.contains(gram, autoescape=True) for gram in grams]
    matching = select(Entry.id, Entry.line).where(*_within(span), *likely, _has_part(session, part), *_labelled(labels))
    apart = matching.cte("matching").prefix_with("MATERIALIZED")
    rows = session.execute(select(apart.c.id, apart.c.line).order_by(apart.c.id).limit(limit))
    return [(number, line) for number, line in rows]


def _search_fts(
    session: Session, span: _Span, labels: Sequence[str | None] | None, part: str, *, phrase: str, limit: int
) -> tuple[_Found, int | None]:
    """Walk along the matches in FTS5's index, which is of all datasets, as far as candidates may be looked at."""
    found: _Found = []
    looked, left, size = span.low, CANDIDATES, limit
    wanted = [Entry.dataset_id == span.dataset, _has_part(session, part), *_labelled(labels)]
    while left > 0:
        size = min(size, left)
        ids = list(session.scalars(matches(phrase, low=looked, high=span.high).limit(size)))
        query = select(Entry.id, Entry.line).where(Entry.id.in_(ids), *wanted)
        rows = session.execute(query.order_by(Entry.id).limit(limit - len(found)))
        found += [(number, line) for number, line in rows]
        if len(ids) < size or len(found) == limit:
            return found, None
        looked, left, size = ids[-1], left - size, size * _GROWTH  # every query of FTS5 costs some time to begin
    return found, looked


def _has_part(session: Session, part: str) -> ColumnElement[bool]:
    position = func.instr if session.get_bind().dialect.name == "sqlite" else func.strpos
    has: ColumnElement[bool] = position(Entry.source_ref, part) > 0
    return has


def _within(span: _Span) -> list[ColumnElement[bool]]:
    return [Entry.dataset_id == literal(span.dataset), Entry.id > span.low, Entry.id <= span.high]


def _has(label: str | None) -> ColumnElement[bool]:
    return Entry.label.is_(None) if label is None else Entry.label == label


def _labelled(labels: Sequence[str | None] | None) -> list[ColumnElement[bool]]:
    if labels is None:
        return []
    return [Entry.label.is_(None) if labels == (None,) else Entry.label.in_([label for label in labels if label])]
