"""What pictures look like, kept so that the same photo is known again: no picture is to be trained on twice, or tested on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from walkaround.datasets.duplicates import near_duplicates_between
from walkaround.hosting.operations.lines.manifest_lines import NAME_KEY
from walkaround.store.tables import Dataset, Entry, PictureLook

UNREADABLE = b""
"""The thumbnail of a picture that cannot be read, so that it is not tried again and again."""

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The picture that another one repeats.

    Attributes:
        source_ref: where it is.
        name: what it was uploaded as.
        dataset: that it is in, train or test; None: it is added at the same time.
        same: whether it is the very file, and not only the same photo.
    """

    source_ref: str
    name: str | None
    dataset: str | None
    same: bool


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What pictures were found to repeat before the transaction that goes by it: among 20,000 that takes seconds.

    Attributes:
        refs: the pictures.
        twins: those of them that repeat another one.
        last: the newest entry of the project then.
    """

    refs: frozenset[str]
    twins: Mapping[str, Twin]
    last: int


def keep_looks(session: Session, thumbnails: Mapping[str, bytes]) -> None:
    """Keep what pictures look like, by source reference; of one that is known already nothing changes."""
    make: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"source_ref": ref, "thumbnail": thumbnails[ref]} for ref in sorted(thumbnails)]
    for some in _pieces(rows):
        session.execute(make(PictureLook).values(some).on_conflict_do_nothing(index_elements=["source_ref"]))


def unknown_looks(session: Session, project_id: int, *, at_most: int) -> Sequence[str]:
    """Some pictures of a project's datasets of which nobody knows what they look like."""
    query = _without_look(project_id).with_only_columns(Entry.source_ref).order_by(Entry.id).limit(at_most)
    return session.scalars(query).all()


def count_unknown_looks(session: Session, project_id: int) -> int:
    """How many pictures of a project's datasets nobody has compared yet."""
    return session.scalar(select(func.count()).select_from(_without_look(project_id).subquery())) or 0


def compare(session: Session, project_id: int, refs: Sequence[str]) -> Compared:
    """Compare pictures with those of a project's datasets, see `twins_of`, to go by it soon in `twins_since`."""
    datasets = select(Dataset.id).filter_by(project_id=project_id)
    last = session.scalar(select(func.max(Entry.id)).where(Entry.dataset_id.in_(datasets))) or 0
    return Compared(refs=frozenset(refs), twins=twins_of(session, project_id, refs), last=last)


def twins_since(session: Session, project_id: int, refs: Sequence[str], *, before: Compared | None) -> dict[str, Twin]:
    """The same as `twins_of`, where what was compared before is compared with entries alone that came since."""
    if before is None or not before.refs.issuperset(refs):
        return twins_of(session, project_id, refs)
    known = {ref: before.twins[ref] for ref in refs if ref in before.twins}
    rest = [ref for ref in refs if ref not in known]
    kinds = _kinds(session, project_id)
    found = known | _same_files(session, kinds, rest)
    looks = _looks(session, [ref for ref in rest if ref not in found])
    return found | _twins_in_datasets(session, kinds, list(looks), list(looks.values()), behind=before.last)


def same_files(session: Session, project_id: int, refs: Sequence[str]) -> dict[str, Twin]:
    """Which pictures are in a dataset of a project already as the very file, by source reference."""
    return _same_files(session, _kinds(session, project_id), refs)


def twins_of(session: Session, project_id: int, refs: Sequence[str]) -> dict[str, Twin]:
    """Which pictures are in a dataset of a project already, as a file or as a photo, or come before among themselves.

    Args:
        session: any.
        project_id: of the project.
        refs: source references, each once; of two that show the same photo the first one counts.

    Returns:
        By source reference; those that are new are not in it.
    """
    kinds = _kinds(session, project_id)
    found = _same_files(session, kinds, refs)
    rest = [ref for ref in refs if ref not in found]
    looks = _looks(session, rest)
    rest = [ref for ref in rest if ref in looks]
    found |= _twins_in_datasets(session, kinds, rest, [looks[ref] for ref in rest])
    new = [ref for ref in rest if ref not in found]
    found |= _twins_among(new, [looks[ref] for ref in new])
    return found


def _kinds(session: Session, project_id: int) -> dict[int, str]:
    """The kinds of a project's datasets by their numbers."""
    rows = session.execute(select(Dataset.id, Dataset.kind).filter_by(project_id=project_id))
    return {row.id: row.kind for row in rows}


def _same_files(session: Session, kinds: Mapping[int, str], refs: Sequence[str]) -> dict[str, Twin]:
    found: dict[str, Twin] = {}
    for some in _pieces(refs):
        query = select(Entry.source_ref, Entry.dataset_id, Entry.line).where(
            Entry.dataset_id.in_(kinds), Entry.source_ref.in_(some)
        )
        for ref, dataset, line in session.execute(query):
            found[ref] = Twin(source_ref=ref, name=_name(line), dataset=kinds[dataset], same=True)
    return found


def _twins_in_datasets(
    session: Session, kinds: Mapping[int, str], refs: Sequence[str], thumbnails: Sequence[bytes], *, behind: int = 0
) -> dict[str, Twin]:
    """Those that show the photo of an entry behind another one."""
    if not refs:
        return {}
    query = (
        select(Entry.id, Entry.dataset_id, PictureLook.thumbnail)
        .join(PictureLook, PictureLook.source_ref == Entry.source_ref)
        .where(Entry.dataset_id.in_(kinds), Entry.id > behind, PictureLook.thumbnail != UNREADABLE)
        .order_by(Entry.id)
    )
    known = session.execute(query).all()
    pairs = near_duplicates_between(thumbnails, [row.thumbnail for row in known]).tolist()
    first: dict[int, int] = dict(reversed(pairs))
    numbers = [known[old].id for old in first.values()]
    entries: dict[int, tuple[str, str]] = {}
    for some in _pieces(numbers):
        told = session.execute(select(Entry.id, Entry.source_ref, Entry.line).where(Entry.id.in_(some)))
        entries |= {number: (ref, line) for number, ref, line in told}
    return {
        refs[new]: Twin(
            source_ref=entries[known[old].id][0],
            name=_name(entries[known[old].id][1]),
            dataset=kinds[known[old].dataset_id],
            same=False,
        )
        for new, old in first.items()
        if known[old].id in entries
    }


def _twins_among(refs: Sequence[str], thumbnails: Sequence[bytes]) -> dict[str, Twin]:
    found: dict[str, Twin] = {}
    for later, earlier in near_duplicates_between(thumbnails, thumbnails).tolist():
        if earlier < later and refs[earlier] not in found:
            found.setdefault(refs[later], Twin(source_ref=refs[earlier], name=None, dataset=None, same=False))
    return found


def _looks(session: Session, refs: Sequence[str]) -> dict[str, bytes]:
    looks: dict[str, bytes] = {}
    for some in _pieces(refs):
        query = select(PictureLook.source_ref, PictureLook.thumbnail).where(
            PictureLook.source_ref.in_(some), PictureLook.thumbnail != UNREADABLE
        )
        looks |= {row.source_ref: row.thumbnail for row in session.execute(query)}
    return looks


def _without_look(project_id: int) -> Any:
    datasets = select(Dataset.id).where(Dataset.project_id == project_id)
    known = select(PictureLook.source_ref).where(PictureLook.source_ref == Entry.source_ref)
    return select(Entry.id).where(Entry.dataset_id.in_(datasets), ~known.exists())


def _name(line: str) -> str | None:
    """What a picture was uploaded as, by its line."""
    name = json.loads(line).get(NAME_KEY)
    return name if isinstance(name, str) else None


def _pieces(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
