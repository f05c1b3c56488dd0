"""A dataset as a gallery shows it: the numbers of all entries that are wanted, in order, and some of them at any place.

The numbers are few bytes each, so whoever has them can jump anywhere; the rows are read by number, some at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from walkaround.errors import NotFoundError
from walkaround.hosting.operations.datasets.substrings import GRAM, is_indexed, matches, sought
from walkaround.hosting.operations.rows import Reply, find_dataset, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.checks import Check, CheckedEntry, CheckFlag
from walkaround.store.tables import Dataset, Entry

MOST = 100_000
"""Entries of one gallery."""
ABOUT_LABELS = ("label-doubt", "two-labels", "near-two-labels", "unlabelled")
"""Kinds of problems that are settled when an entry gets another label."""
ANY = "any"

Order = Literal["newest", "oldest", "doubt", "check"]
_AT_ONCE = 500
_FEW = 0.1
"""Of all entries. Where more match, to look at one after the other takes no longer."""


@dataclass(frozen=True, kw_only=True)
class GalleryFilter:
    """Which entries are wanted; None: all.

    Attributes:
        label: normal, anomaly, none (without a label) or any (with one).
        flag: a kind of problem of the last check, or any.
        contains: a part of the name or the address, upper and lower case alike.
        drawn: whether boxes or masks are on it.
        state: how far its labels are.
    """

    label: str | None = None
    flag: str | None = None
    contains: str | None = None
    drawn: bool | None = None
    state: str | None = None


def list_gallery(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    dataset_type: str,
    wanted: GalleryFilter,
    order: Order = "newest",
    at_most: int = MOST,
) -> Reply:
    """The ids of the entries that are wanted, in order, and how many entries each filter alone has.

    Args:
        session: any.
        owner: whose it is.
        project_name: its project.
        dataset_type: train or test.
        wanted: which entries.
        order: by the time at which they came; the likeliest label errors first; or, of one kind of problem, as the check told
            them, copies beside each other.
        at_most: ids.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    check = last_check(session, dataset.id)
    number = 0 if check is None else check.id
    conditions = [*_conditions(wanted, number), *_with_part(session, dataset.id, wanted.contains)]
    query = select(Entry.id).where(Entry.dataset_id == dataset.id, *conditions).limit(at_most + 1)
    if order == "doubt":
        own = and_(CheckedEntry.check_id == number, CheckedEntry.entry_id == Entry.id)
        query = query.outerjoin(CheckedEntry, own).order_by(_doubt().desc(), Entry.id)
    elif order == "check" and wanted.flag not in (None, ANY):
        own = and_(CheckFlag.check_id == number, CheckFlag.entry_id == Entry.id, CheckFlag.kind == wanted.flag)
        query = query.join(CheckFlag, own).order_by(CheckFlag.problem, Entry.id)
    else:
        query = query.order_by(Entry.id if order == "oldest" else Entry.id.desc())
    ids = list(session.scalars(query))
    return {
        "Ids": ids[:at_most],
        "More": len(ids) > at_most,
        "Counts": _counts(session, dataset, number),
        "Checked": None if check is None else check.ended,
    }


def gallery_rows(session: Session, owner: Owner, *, project_name: str, dataset_type: str, ids: Sequence[int]) -> Reply:
    """The entries of these ids, in the order of the ids; those that are not there any more are left out.

    Raises:
        NotFoundError: there is no such project or dataset.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    check = last_check(session, dataset.id)
    number = 0 if check is None else check.id
    own = select(Entry).where(Entry.dataset_id == dataset.id, Entry.id.in_(ids))
    found = {entry.id: entry for entry in session.scalars(own)}
    flags: dict[int, list[str]] = {}
    query = (
        select(CheckFlag.entry_id, CheckFlag.kind)
        .join(Entry, Entry.id == CheckFlag.entry_id)
        .where(CheckFlag.check_id == number, CheckFlag.entry_id.in_(ids), *_standing())
    )
    for entry, kind in session.execute(query.order_by(CheckFlag.problem)):
        flags.setdefault(entry, []).append(kind)
    doubts = {
        one.entry_id: one
        for one in session.scalars(select(CheckedEntry).where(CheckedEntry.check_id == number, CheckedEntry.entry_id.in_(ids)))
    }
    rows = [_row(found[one], flags.get(one, []), doubts.get(one)) for one in ids if one in found]
    return {"Rows": rows}


def lines_of(session: Session, dataset: Dataset, ids: Sequence[int]) -> list[tuple[int, str | None, str]]:
    """Id, label and line of entries, in the order in which they came.

    Raises:
        NotFoundError: one of them is not there any more.
    """
    found: list[tuple[int, str | None, str]] = []
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        query = select(Entry.id, Entry.label, Entry.line).where(Entry.dataset_id == dataset.id, Entry.id.in_(some))
        found += [(number, label, line) for number, label, line in session.execute(query.order_by(Entry.id))]
    if len(found) < len(wanted):
        gone = len(wanted) - len(found)
        raise NotFoundError(
            f"{gone:,} of the pictures are not in the {dataset.kind} dataset any more: somebody took them out. Look again.",
            resource_id=dataset.kind,
            resource_type="DATASET",
        )
    return found


def last_check(session: Session, dataset_id: int) -> Check | None:
    """The newest check of a dataset that is complete."""
    query = select(Check).where(Check.dataset_id == dataset_id, Check.status == "COMPLETE").order_by(Check.id.desc()).limit(1)
    return session.scalars(query).one_or_none()


def flag_counts(session: Session, check_id: int) -> dict[str, int]:
    """How many entries of each kind of problem still stand."""
    query = (
        select(CheckFlag.kind, func.count())
        .join(Entry, Entry.id == CheckFlag.entry_id)
        .where(CheckFlag.check_id == check_id, *_standing())
        .group_by(CheckFlag.kind)
    )
    return {str(kind): int(count) for kind, count in session.execute(query)}


def flagged_ids(check_id: int, kind: str | None) -> ColumnElement[bool]:
    """Whether an entry has a problem of a kind, or any, that still stands."""
    own = [CheckFlag.check_id == check_id, CheckFlag.entry_id == Entry.id, *_standing()]
    if kind is not None and kind != ANY:
        own.append(CheckFlag.kind == kind)
    return select(CheckFlag.entry_id).where(*own).correlate(Entry).exists()


def _standing() -> list[ColumnElement[bool]]:
    """A flag that nobody has settled, neither by saying so nor by another label."""
    same = or_(CheckFlag.kind.not_in(ABOUT_LABELS), CheckFlag.label.is_not_distinct_from(Entry.label))
    return [CheckFlag.settled.is_(False), same]


def _conditions(wanted: GalleryFilter, check_id: int) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.label == "none":
        conditions.append(Entry.label.is_(None))
    elif wanted.label == "any":
        conditions.append(Entry.label.is_not(None))
    elif wanted.label is not None:
        conditions.append(Entry.label == wanted.label)
    if wanted.flag is not None:
        conditions.append(flagged_ids(check_id, wanted.flag))
    if wanted.state is not None:
        conditions.append(Entry.state == wanted.state)
    if wanted.drawn is not None:
        conditions.append(Entry.places.is_not(None) if wanted.drawn else Entry.places.is_(None))
    return conditions


def _with_part(session: Session, dataset: int, part: str | None) -> list[ColumnElement[bool]]:
    """Whether the name or the address has a part; by the index of substrings where it leaves few to be looked at."""
    if not part:
        return []
    has = or_(Entry.name.icontains(part, autoescape=True), Entry.source_ref.icontains(part, autoescape=True))
    if len(part) < GRAM or session.get_bind().dialect.name != "sqlite" or not is_indexed(session):
        return [has]  # PostgreSQL's planner knows when its indexes serve
    high = session.scalar(select(func.max(Entry.id)).where(Entry.dataset_id == dataset)) or 0
    low = (session.scalar(select(func.min(Entry.id)).where(Entry.dataset_id == dataset)) or 1) - 1
    known = sought(session, part, dataset=dataset, low=low, high=high)
    if known.share > _FEW:
        return [has]
    return [Entry.id.in_(matches(known.phrase, low=low, high=high)), has]


def _doubt() -> ColumnElement[int]:
    """The doubt in a label, while it is the one that was doubted."""
    return func.coalesce(case((CheckedEntry.label.is_not_distinct_from(Entry.label), CheckedEntry.doubt), else_=-1), -1)


def _counts(session: Session, dataset: Dataset, check_id: int) -> dict[str, Any]:
    flags = flag_counts(session, check_id) if check_id else {}
    flagged = 0
    if flags:
        one = (
            select(func.count(CheckFlag.entry_id.distinct()))
            .join(Entry, Entry.id == CheckFlag.entry_id)
            .where(CheckFlag.check_id == check_id, *_standing())
        )
        flagged = session.scalar(one) or 0
    return {
        "all": dataset.total,
        "normal": dataset.normal,
        "anomaly": dataset.anomaly,
        "none": dataset.total - dataset.normal - dataset.anomaly,
        "flagged": flagged,
        "flags": flags,
    }


def _row(entry: Entry, flags: list[str], doubted: CheckedEntry | None) -> dict[str, Any]:
    stands = doubted is not None and doubted.label == entry.label
    drawn = sorted({name for names in (entry.places or {}).values() if isinstance(names, list) for name in names})
    return {
        "id": entry.id,
        "picture": entry.source_ref,
        "name": entry.name or entry.source_ref.rpartition("/")[2],
        "label": entry.label,
        "state": entry.state,
        "drawn": drawn,
        "flags": flags,
        "doubt": doubted.doubt / 1_000_000 if doubted is not None and stands else None,
        "suggests": doubted.suggests if doubted is not None and stands else None,
        "created": entry.created,
    }
