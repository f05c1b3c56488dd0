"""Jobs about datasets: filled from a manifest, changed, removed. Each is applied whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from walkaround.buckets.buckets import Buckets
from walkaround.errors import BucketError, DatasetError
from walkaround.hosting.jobs.datasets.masks import with_shown_labels
from walkaround.hosting.jobs.work import LaterError, Outcome, Task, Work, nothing
from walkaround.hosting.operations.datasets.entries import (
    apply_change,
    apply_manifest,
    picture_limit,
    refuse_change,
    refuse_manifest,
    remove_entries,
    unusable,
)
from walkaround.hosting.operations.lines.manifest_lines import Line, parse_lines
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Change, Dataset, Project

_LINE_BYTES = 8192 * 4
_MOST_BYTES = 1_000_000_000
"""Of a manifest: the limit of the old service."""
_LATER_SECONDS = 30.0


@dataclass(frozen=True)
class CreateDatasetWork:
    """Fills a new dataset from the manifest in a bucket."""

    database: Database
    buckets: Buckets
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Read the manifest; its lines are applied in the transaction that finishes the job."""
        with self.database.reading() as session:
            dataset = session.get(Dataset, task.subject)
            waits = dataset is not None and dataset.status == "CREATE_IN_PROGRESS"
        source = dataset.source if dataset is not None and waits else None
        if dataset is None or source is None:  # deleted meanwhile
            return Outcome(write=nothing)
        task.progress("Reading the manifest", 0, 1)
        try:
            content = self.buckets.read(
                source["Bucket"], source["Key"], version=source.get("VersionId"), at_most=self._most_bytes
            )
        except BucketError as problem:
            return self._refused(task.subject, f"The manifest cannot be read. {problem}")
        try:
            lines = parse_lines(content, at_most=picture_limit(dataset.kind, self.settings)[0])
            lines = looked_through(lines, dataset, task, database=self.database, buckets=self.buckets, settings=self.settings)
        except DatasetError as problem:
            message = unusable(problem)
            return Outcome(write=lambda session: refuse_manifest(session, task.subject, message))
        return Outcome(write=lambda session: apply_manifest(session, task.subject, lines, settings=self.settings))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The bucket did not answer."""
        return self._refused(subject, f"The manifest cannot be read. {reason}")

    def _refused(self, subject: int, message: str) -> Outcome:
        return Outcome(write=lambda session: refuse_manifest(session, subject, message), error=message)

    @property
    def _most_bytes(self) -> int:
        """No manifest within the limits is larger, and one held in memory must be bounded."""
        return min(_MOST_BYTES, _LINE_BYTES * max(self.settings.images_train, self.settings.images_test))


@dataclass(frozen=True)
class UpdateDatasetWork:
    """Applies the lines that UpdateDatasetEntries accepted, or leaves the dataset as it was."""

    database: Database
    buckets: Buckets
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Read the lines; they are applied in the transaction that finishes the job."""
        with self.database.reading() as session:
            change = session.get(Change, task.subject)
            dataset = session.get(Dataset, change.dataset_id) if change is not None else None
        if change is None or dataset is None:  # applied before, or deleted meanwhile
            return Outcome(write=nothing)
        try:
            at_most, _ = picture_limit(dataset.kind, self.settings)
            lines = parse_lines(change.content, bucket=dataset.bucket, at_most=at_most)
            lines = looked_through(lines, dataset, task, database=self.database, buckets=self.buckets, settings=self.settings)
        except DatasetError as problem:
            message = str(problem)
            return Outcome(write=lambda session: refuse_change(session, task.subject, message))
        return Outcome(write=lambda session: apply_change(session, task.subject, lines, settings=self.settings))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The change cannot be applied."""
        return Outcome(write=lambda session: refuse_change(session, subject, reason), error=reason)


@dataclass(frozen=True)
class DeleteDatasetWork:
    """Removes the entries of a deleted dataset, some thousands in each transaction."""

    database: Database

    def run(self, task: Task) -> Outcome:
        """Remove them all, or wait for a training that still needs them."""
        while True:
            task.check()
            with self.database.transaction() as session:
                left = remove_entries(session, task.subject)
            if left == "later":
                raise LaterError(_LATER_SECONDS)
            if left == "done":
                return Outcome(write=nothing)

    def give_up(self, subject: int, reason: str) -> Outcome:  # noqa: ARG002 - the protocol's signature
        """Entries that nobody can see stay."""
        return Outcome(write=nothing, error=reason)


def looked_through(
    lines: dict[str, Line], dataset: Dataset, task: Task, *, database: Database, buckets: Buckets, settings: Settings
) -> dict[str, Line]:
    """The lines with what their masks show; where there are none, as they are.

    Raises:
        DatasetError: a mask cannot be used.
        UnavailableError: a bucket does not answer.
    """
    if not any(line.masks for line in lines.values()):
        return lines
    with database.reading() as session:
        project = session.get(Project, dataset.project_id) if dataset.project_id is not None else None
    if project is None:  # deleted meanwhile
        return lines
    owner = Owner(account=project.account, region=project.region)

    def report(doing: str, done: int, of: int) -> None:
        task.check()
        task.progress(doing, done, of)

    return with_shown_labels(lines, buckets, owner=owner, cache=settings.data / "cache" / "pictures", report=report)


def dataset_work(database: Database, buckets: Buckets, settings: Settings) -> Mapping[str, Work]:
    """The kinds of jobs about datasets."""
    return {
        "create_dataset": CreateDatasetWork(database, buckets, settings),
        "update_dataset": UpdateDatasetWork(database, buckets, settings),
        "delete_dataset": DeleteDatasetWork(database),
    }
