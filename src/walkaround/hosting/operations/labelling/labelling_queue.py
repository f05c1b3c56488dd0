"""The pictures of a dataset one after the other, for whoever labels or reviews them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from walkaround.hosting.operations.labelling.labelling import find_entry
from walkaround.hosting.operations.lines.label_lines import State
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Entry

Wanted = Literal["all", "unlabelled", "labelled", "to_review", "sent_back", "reviewed"]
_STATES: Mapping[str, tuple[State, ...]] = MappingProxyType(
    {
        "unlabelled": ("unlabelled",),
        "labelled": ("to_review", "accepted", "adjusted", "sent_back"),
        "to_review": ("to_review",),
        "sent_back": ("sent_back",),
        "reviewed": ("accepted", "adjusted"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Some pictures that wait, and how many there are.

    Attributes:
        entries: in the order in which they are met, the nearest first.
        counts: pictures of the dataset in each state.
        waiting: pictures that fit the filter, those before the beginning too.
        passed: how many of them come before the first of `entries`, in the dataset's order.
    """

    entries: Sequence[Entry]
    counts: Mapping[str, int]
    waiting: int
    passed: int


def labelling_queue(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    dataset_type: str,
    wanted: Wanted,
    beside: str | None = None,
    backwards: bool = False,
    not_by: str | None = None,
    limit: int = 1,
) -> Queue:
    """The next pictures, or those before.

    Args:
        session: any.
        owner: whose it is.
        project_name: its project.
        dataset_type: train or test.
        wanted: which pictures.
        beside: the picture to go on from, itself left out; None: from the end where one begins.
        backwards: towards the first picture.
        not_by: leave out what this person labelled.
        limit: pictures.

    Raises:
        NotFoundError: there is no such project, dataset or picture.
    """
    dataset = find_dataset(session, find_project(session, owner, project_name), dataset_type)
    fits: list[ColumnElement[bool]] = [Entry.dataset_id == dataset.id]
    if wanted != "all":
        fits.append(Entry.state.in_(_STATES[wanted]))
    if not_by is not None:
        fits.append(or_(Entry.labelled_by.is_(None), Entry.labelled_by != not_by))
    order = Entry.id.desc() if backwards else Entry.id.asc()
    query = select(Entry).where(*fits).order_by(order).limit(limit)
    if beside is not None:
        at = find_entry(session, owner, project_name=project_name, dataset_type=dataset_type, picture=beside).id
        query = query.where(Entry.id < at if backwards else Entry.id > at)
    entries = list(session.scalars(query))
    count = select(func.count()).select_from(Entry).where(*fits)
    waiting = session.scalar(count) or 0
    passed = session.scalar(count.where(Entry.id < entries[0].id)) or 0 if entries else waiting
    return Queue(entries=entries, counts=states_of(session, dataset.id), waiting=waiting, passed=passed)


def states_of(session: Session, dataset_id: int) -> dict[str, int]:
    """How many pictures of a dataset are in each state."""
    query = select(Entry.state, func.count()).where(Entry.dataset_id == dataset_id).group_by(Entry.state)
    found: dict[str, int] = dict(session.execute(query).all())
    return {state: found.get(state, 0) for state in ("unlabelled", "to_review", "accepted", "adjusted", "sent_back")}
