"""Datasets over REST: made empty or from a manifest, looked through, and labelled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, status
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import NotFoundError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.lines.drawn_lines import version_of
from walkaround.hosting.operations.lines.manifest_lines import NAME_KEY, stored_line
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.store.tables import Entry as EntryRow
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.datasets.lines import labelled_line, manifest_of
from walkaround.web.rest.shapes import (
    Accepted,
    Dataset,
    Entries,
    Entry,
    KindInPath,
    Limit,
    Moment,
    NewDataset,
    NewLabels,
    NextPage,
    PictureLabel,
    ProjectName,
)

router = APIRouter(prefix="/projects/{project}/datasets", tags=["datasets"])

_AT_ONCE = 500
"""Pictures of one query."""

LabelFilter = Annotated[
    Literal["normal", "anomaly", "none", "any"] | None,
    Query(description="Only pictures with this label; none: unlabelled ones; any: labelled ones."),
]
Contains = Annotated[
    str | None, Query(min_length=1, max_length=2048, pattern=r"\S", description="Part of the picture's address.")
]


@router.get("", response_model_exclude_none=True)
def list_datasets(visit: Reader, project: ProjectName) -> list[Dataset]:
    """List the datasets of a project, at most one of each kind."""
    host = visit.service.host

    def act(session: Session) -> dict[str, Any]:
        reply = host.describe_project(session, visit.owner, project_name=project)
        kinds = [one["DatasetType"] for one in reply["ProjectDescription"].get("Datasets", [])]
        names = [{"project_name": project, "dataset_type": kind} for kind in kinds]
        told = [host.describe_dataset(session, visit.owner, **one)["DatasetDescription"] for one in names]
        return {"Datasets": [{"DatasetType": kind, **one} for kind, one in zip(kinds, told, strict=True)]}

    return [dataset_of(one) for one in visit.look(act)["Datasets"]]


@router.post("", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def create_dataset(visit: Changer, project: ProjectName, new: NewDataset, token: IdempotencyKey = None) -> Dataset:
    """Make a dataset: an empty one at once, one from a manifest by a job."""
    host = visit.service.host
    source = None
    if new.manifest is not None:
        place = {"Bucket": new.manifest.bucket, "Key": new.manifest.key}
        version = {} if new.manifest.version is None else {"VersionId": new.manifest.version}
        source = {"GroundTruthManifest": {"S3Object": place | version}}
    reply = visit.change(
        "create_dataset",
        lambda session: host.create_dataset(
            session, visit.owner, project_name=project, dataset_type=new.kind, dataset_source=source
        ),
        token=token,
        project=project,
        new=new.model_dump(),
    )
    return dataset_of({**reply["DatasetMetadata"], "Job": reply.get("Job")})


@router.get("/{kind}", response_model_exclude_none=True)
def describe_dataset(visit: Reader, project: ProjectName, kind: KindInPath) -> Dataset:
    """Tell of a dataset and count its pictures."""
    host = visit.service.host
    reply = visit.look(lambda session: host.describe_dataset(session, visit.owner, project_name=project, dataset_type=kind))
    return dataset_of({"DatasetType": kind, **reply["DatasetDescription"]})


@router.delete("/{kind}", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def delete_dataset(visit: Changer, project: ProjectName, kind: KindInPath) -> Accepted:
    """Delete a dataset, at any time; its pictures stay in their bucket."""
    host = visit.service.host
    reply = visit.change(
        "delete_dataset",
        lambda session: host.delete_dataset(session, visit.owner, project_name=project, dataset_type=kind),
    )
    return Accepted(status="DELETE_IN_PROGRESS", job=reply.get("Job"))


@router.get("/{kind}/entries")
def list_entries(
    visit: Reader,
    project: ProjectName,
    kind: KindInPath,
    *,
    label: LabelFilter = None,
    contains: Contains = None,
    after: Moment = None,
    before: Moment = None,
    limit: Limit = 100,
    page: NextPage = None,
) -> Entries:
    """List the pictures of a dataset with their labels."""
    host = visit.service.host
    reply = visit.look(
        lambda session: host.list_dataset_entries(
            session,
            visit.owner,
            project_name=project,
            dataset_type=kind,
            labeled={"none": False, "any": True}.get(label or ""),
            anomaly_class=label if label in ("normal", "anomaly") else None,
            after_creation_date=after,
            before_creation_date=before,
            source_ref_contains=contains,
            next_token=page,
            max_results=limit,
        )
    )
    return Entries(entries=[_entry(line) for line in reply["DatasetEntries"]], next=reply.get("NextToken"))


@router.post("/{kind}/labels", status_code=status.HTTP_202_ACCEPTED)
def set_labels(
    visit: Changer, project: ProjectName, kind: KindInPath, new: NewLabels, token: IdempotencyKey = None
) -> Accepted:
    """Label pictures of a dataset as normal or anomaly, or take their labels away: all of them, or none."""
    host = visit.service.host

    def act(session: Session) -> dict[str, Any]:
        changes = manifest_of(_relabelled(session, visit, project, kind, labels=new.labels))
        return dict(host.update_dataset_entries(session, visit.owner, project_name=project, dataset_type=kind, changes=changes))

    reply = visit.change("set_labels", act, token=token, project=project, kind=kind, new=new.model_dump())
    return Accepted(status=reply["Status"], job=reply.get("Job"))


def _relabelled(
    session: Session, visit: Visit, project: str, kind: str, *, labels: Sequence[PictureLabel]
) -> list[dict[str, Any]]:
    """The lines with their new labels, read under the lock, so that no other change comes between reading and writing."""
    found = find_project(session, visit.owner, project, to_change=True)
    dataset = find_dataset(session, found, kind, to_change=True)
    require_ready(found, dataset)
    present = _lines_of(session, dataset.id, [one.picture for one in labels])
    lines = []
    for one in labels:
        line = present.get(one.picture)
        if line is None:
            raise NotFoundError(
                f"The {kind} dataset of project {project!r} has no picture {one.picture!r}: upload it, or correct its address.",
                resource_id=f"{project}/{kind}",
                resource_type="DATASET",
            )
        lines.append(labelled_line(json.loads(line), one.label, worker=visit.caller.key_id))
    return lines


def _lines_of(session: Session, dataset_id: int, pictures: Sequence[str]) -> dict[str, str]:
    lines: dict[str, str] = {}
    for start in range(0, len(pictures), _AT_ONCE):
        query = select(EntryRow.source_ref, EntryRow.line).where(
            EntryRow.dataset_id == dataset_id, EntryRow.source_ref.in_(pictures[start : start + _AT_ONCE])
        )
        lines |= dict(session.execute(query).all())
    return lines


def dataset_of(members: Mapping[str, Any]) -> Dataset:
    """A dataset of the AWS API as the REST API shows it."""
    stats = members.get("ImageStats", {})
    return Dataset(
        kind=members["DatasetType"],
        status=members["Status"],
        message=members.get("StatusMessage", ""),
        created=members["CreationTimestamp"],
        updated=members.get("LastUpdatedTimestamp"),
        total=stats.get("Total"),
        labelled=stats.get("Labeled"),
        normal=stats.get("Normal"),
        anomaly=stats.get("Anomaly"),
        job=members.get("Job"),
    )


def _entry(text: str) -> Entry:
    line = stored_line(text)
    members = json.loads(text)
    name = members.get(NAME_KEY)
    return Entry(
        picture=line.source_ref,
        label="anomaly" if line.label == ANOMALY else "normal" if line.label == NORMAL else None,
        name=name if isinstance(name, str) else None,
        version=version_of(text),
        line=members,
    )
