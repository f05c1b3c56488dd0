"""Entries of a dataset: what was accepted is applied here, all of it or nothing; what was deleted is removed in small steps.

The functions run in the transaction of the job that calls them, and may be called again after a crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import AccessDeniedError, DatasetError
from walkaround.hosting.operations.datasets.checking import forget_checks
from walkaround.hosting.operations.datasets.kept_drafts import forget_drafts_of_dataset
from walkaround.hosting.operations.datasets.place_labels import drawn_labels, require_few_labels
from walkaround.hosting.operations.lines.label_lines import state_of
from walkaround.hosting.operations.lines.manifest_lines import Line, name_in
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.results.reviews import note_added
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.checks import Removal as TakenOut
from walkaround.store.tables import Change, Dataset, Entry, Model, Project, now

Removal = Literal["done", "more", "later"]
"""What `remove_entries` leaves: nothing, more entries, or all of them because a training has not read them yet."""

_AT_ONCE = 500
_Item = TypeVar("_Item")


class StoredEntry(NamedTuple):
    """One entry as a training reads it."""

    source_ref: str
    label: str | None
    line: str


def picture_limit(kind: str, settings: Settings) -> tuple[int, str]:
    """How many pictures a dataset of a kind may have, and the setting that says so."""
    return (settings.images_test, "images_test") if kind == "test" else (settings.images_train, "images_train")


def apply_manifest(session: Session, dataset_id: int, lines: Mapping[str, Line], *, settings: Settings) -> None:
    """Fill a new dataset from its manifest; one that cannot be used makes it CREATE_FAILED and leaves it empty.

    A dataset that is not in status CREATE_IN_PROGRESS is left as it is: it was filled or deleted before.
    """
    dataset = _locked(session, dataset_id)
    if dataset is None or dataset.status != "CREATE_IN_PROGRESS":
        return
    try:
        apply_lines(session, dataset, lines, settings=settings)
    except DatasetError as problem:
        refuse_manifest(session, dataset_id, unusable(problem))
        return
    dataset.status, dataset.message, dataset.updated = "CREATE_COMPLETE", "", now()


def unusable(problem: DatasetError) -> str:
    """What is said of a manifest that was read and cannot be used."""
    return f"The manifest cannot be used. {problem}"


def refuse_manifest(session: Session, dataset_id: int, message: str) -> None:
    """Say that a dataset cannot be created, such as when its manifest cannot be read."""
    dataset = _locked(session, dataset_id)
    if dataset is not None and dataset.status == "CREATE_IN_PROGRESS":
        dataset.status, dataset.message, dataset.updated = "CREATE_FAILED", message, now()


def apply_change(session: Session, change_id: int, lines: Mapping[str, Line], *, settings: Settings) -> None:
    """Apply what UpdateDatasetEntries accepted; if that cannot be done, the dataset stays as it was and says why.

    A change that is not there was applied before, or its dataset was deleted.
    """
    change = session.get(Change, change_id)
    dataset = None if change is None else _locked(session, change.dataset_id)
    if change is None or dataset is None:
        return
    if dataset.status == "UPDATE_IN_PROGRESS":
        try:
            apply_lines(session, dataset, lines, settings=settings)
            note_added(session, change.results, dataset=dataset)
            dataset.status, dataset.message = "UPDATE_COMPLETE", ""
        except DatasetError as problem:
            refuse_change(session, change_id, str(problem))
            return
        dataset.updated = now()
    session.delete(change)


def refuse_change(session: Session, change_id: int, reason: str) -> None:
    """Leave a dataset as it was before what UpdateDatasetEntries accepted, and say why."""
    change = session.get(Change, change_id)
    dataset = None if change is None else _locked(session, change.dataset_id)
    if dataset is not None and dataset.status == "UPDATE_IN_PROGRESS":
        dataset.status, dataset.updated = "UPDATE_FAILED_ROLLBACK_COMPLETE", now()
        dataset.message = f"Nothing was changed. {reason}"
    if change is not None:
        session.delete(change)


def apply_lines(session: Session, dataset: Dataset, lines: Mapping[str, Line], *, settings: Settings) -> None:
    """Add lines to a dataset, or put them in the place of those about the same pictures.

    Args:
        session: of the transaction in which `dataset` was locked.
        dataset: its status is the caller's business.
        lines: by picture; all in one bucket, the dataset's if it has one.
        settings: the limits.

    Raises:
        DatasetError: the dataset would have too many pictures, the project too many anomaly labels, or something is in the
            bucket of another account; nothing was changed.
    """
    bucket = next(iter(lines.values())).bucket
    for named in {bucket, *(mask.bucket for line in lines.values() for mask in line.masks)}:
        _require_own(session, dataset, named)
    present = _present(session, dataset.id, list(lines))
    fresh = [line for ref, line in lines.items() if ref not in present]
    most, setting = picture_limit(dataset.kind, settings)
    if dataset.total + len(fresh) > most:
        raise DatasetError(
            f"The {dataset.kind} dataset would have {dataset.total + len(fresh):,} pictures, and {most:,} are allowed: "
            f"take some out, or have the setting {setting} raised."
        )
    require_few_labels(session, dataset, lines)
    for some in _pieces(fresh):
        _insert(session, dataset, some)
    for some_present in _pieces(list(present)):
        replaced = [{"id": present[ref][0], **_columns(lines[ref])} for ref in some_present]
        session.execute(update(Entry), replaced)
    before = [label for _, label in present.values()]
    after = [line.label for line in lines.values()]
    dataset.total += len(fresh)
    dataset.normal += after.count(NORMAL) - before.count(NORMAL)
    dataset.anomaly += after.count(ANOMALY) - before.count(ANOMALY)
    dataset.bucket = dataset.bucket or bucket
    session.flush()


def remove_entries(session: Session, dataset_id: int, *, at_most: int = 2_000) -> Removal:
    """Remove some of what a deleted dataset left, and the dataset itself in the end.

    Call it in one short transaction after another until it says "done"; after "later", some time later.
    """
    dataset = _locked(session, dataset_id)
    if dataset is None or dataset.project_id is not None:
        return "done"
    awaited = select(Model.id).where(
        Model.status == "TRAINING", (Model.train_dataset_id == dataset_id) | (Model.test_dataset_id == dataset_id)
    )
    if session.scalar(awaited.limit(1)) is not None:
        return "later"
    some = select(Entry.id).where(Entry.dataset_id == dataset_id).order_by(Entry.id).limit(at_most)
    session.execute(delete(Entry).where(Entry.id.in_(some)).execution_options(synchronize_session=False))
    if session.scalar(some.limit(1)) is not None:
        return "more"
    session.execute(delete(Change).where(Change.dataset_id == dataset_id))
    session.execute(delete(TakenOut).where(TakenOut.dataset_id == dataset_id))
    forget_checks(session, dataset_id)
    forget_drafts_of_dataset(session, dataset_id)
    session.delete(dataset)
    session.flush()
    return "done"


def entries_of(session: Session, dataset_id: int) -> Iterator[StoredEntry]:
    """All entries of a dataset in order, read in pieces."""
    query = select(Entry.source_ref, Entry.label, Entry.line).where(Entry.dataset_id == dataset_id).order_by(Entry.id)
    for row in session.execute(query.execution_options(yield_per=1_000)):
        yield StoredEntry(*row)


def _require_own(session: Session, dataset: Dataset, bucket: str) -> None:
    project = session.get_one(Project, dataset.project_id)
    try:
        require_own_bucket(Owner(account=project.account, region=project.region), bucket)
    except AccessDeniedError as problem:
        raise DatasetError(str(problem)) from problem


def _locked(session: Session, dataset_id: int) -> Dataset | None:
    return session.scalars(select(Dataset).filter_by(id=dataset_id).with_for_update()).one_or_none()


def _present(session: Session, dataset_id: int, refs: Sequence[str]) -> dict[str, tuple[int, str | None]]:
    """The id and label of those pictures that the dataset has."""
    found: dict[str, tuple[int, str | None]] = {}
    for some in _pieces(refs):
        query = select(Entry.source_ref, Entry.id, Entry.label).where(
            Entry.dataset_id == dataset_id, Entry.source_ref.in_(some)
        )
        found |= {ref: (number, label) for ref, number, label in session.execute(query)}
    return found


def _insert(session: Session, dataset: Dataset, lines: Sequence[Line]) -> None:
    newest = select(Entry.created).where(Entry.dataset_id == dataset.id).order_by(Entry.created.desc()).limit(1)
    created = max(now(), session.scalar(newest) or now())  # clocks are set back, and times must rise with ids
    table = Entry.__table__
    rows = [
        {
            "dataset_id": dataset.id,
            "source_ref": line.source_ref,
            "created": created,
            **_columns(line),
        }
        for line in lines
    ]
    session.execute(insert(table), rows)  # type: ignore[arg-type] # a Table, typed as the wider FromClause


def _columns(line: Line) -> dict[str, Any]:
    return {
        "label": line.label,
        "line": line.text,
        "name": name_in(line.text),
        "places": drawn_labels(line),
        "state": state_of(line.label, line.review),
        "labelled_by": line.worker,
        "review": None if line.review is None else line.review.as_json(),
    }


def _pieces(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
