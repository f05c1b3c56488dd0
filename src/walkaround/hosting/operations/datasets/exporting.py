"""Exports of a project's datasets in the formats of other tools: begun, told of, and forgotten after a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.rows import JobKind, Reply, add_job, find_dataset, find_project, job_about
from walkaround.hosting.owner import Owner
from walkaround.store.checks import Export
from walkaround.store.tables import Project, now

Form = Literal["manifest", "lookout", "ground-truth", "coco", "yolo", "yolo-seg", "voc", "tfrecords"]
FORMS: tuple[Form, ...] = get_args(Form)
KIND: JobKind = "export"
_KEPT_DAYS = 1
_TOLD = 20
_AT_ONCE = 2
"""Exports of one project at the same time; each may take as much disk as the dataset."""


def archive_of(data: Path, number: int) -> Path:
    """Where the archive of an export is."""
    return data / "exports" / f"{number}.zip"


def begin_export(
    session: Session, owner: Owner, *, project_name: str, form: Form, kinds: Sequence[str], address: str | None, skip_bad: bool
) -> Reply:
    """Begin to write datasets of a project, together, in a format.

    Raises:
        NotFoundError: there is no such project, or not these datasets.
        ConflictError: a dataset is being changed or is empty, or too many exports are under way.
    """
    project = find_project(session, owner, project_name, to_change=True)
    for kind in kinds:
        dataset = find_dataset(session, project, kind)
        require_ready(project, dataset)
        if dataset.total == 0:
            raise ConflictError(
                f"The {kind} dataset of project {project_name!r} is empty: there is nothing to export.",
                resource_id=f"{project_name}/{kind}",
                resource_type="DATASET",
            )
    running = session.scalars(select(Export.id).filter_by(project_id=project.id, status="RUNNING").limit(_AT_ONCE)).all()
    if len(running) == _AT_ONCE:
        raise ConflictError(
            f"{_AT_ONCE} exports of project {project_name!r} are under way: wait until one is done.",
            resource_id=project_name,
            resource_type="PROJECT",
        )
    options = {"kinds": list(kinds), "address": address, "skip_bad": skip_bad}
    export = Export(project_id=project.id, form=form, options=options, status="RUNNING")
    session.add(export)
    session.flush()
    add_job(session, KIND, export.id)
    return {"Export": _told(session, project, export)}


def list_exports(session: Session, owner: Owner, *, project_name: str) -> Reply:
    """The exports of the last day, the newest first.

    Raises:
        NotFoundError: there is no such project.
    """
    project = find_project(session, owner, project_name)
    query = select(Export).filter_by(project_id=project.id).order_by(Export.id.desc()).limit(_TOLD)
    return {"Exports": [_told(session, project, one) for one in session.scalars(query)]}


def describe_export(session: Session, owner: Owner, *, project_name: str, number: int) -> Reply:
    """One export.

    Raises:
        NotFoundError: there is no such project, or no such export in it.
    """
    project = find_project(session, owner, project_name)
    export = session.scalars(select(Export).filter_by(project_id=project.id, id=number)).one_or_none()
    if export is None:
        raise NotFoundError(
            f"The project {project_name!r} has no export {number}; exports are kept for a day. Begin another one.",
            resource_id=str(number),
            resource_type="PROJECT",
        )
    return {"Export": _told(session, project, export)}


def end_export(session: Session, number: int, *, report: dict[str, Any] | None, message: str = "") -> None:
    """Write down what came of an export; without a report it failed."""
    export = session.get(Export, number)
    if export is not None and export.status == "RUNNING":
        export.status, export.message, export.ended = "FAILED" if report is None else "COMPLETE", message, now()
        export.report = report


def forget_exports(session: Session) -> None:
    """Delete the rows of old exports; `remove_old` does it to their archives."""
    old = delete(Export).where(Export.created < now() - timedelta(days=_KEPT_DAYS), Export.status != "RUNNING")
    session.execute(old.execution_options(synchronize_session=False))


def remove_old(data: Path, kept: Sequence[int]) -> None:
    """Delete the archives of exports that nobody can fetch any more."""
    for path in (data / "exports").glob("*.zip"):
        if path.stem.isdigit() and int(path.stem) not in kept:
            path.unlink(missing_ok=True)


def _told(session: Session, project: Project, export: Export) -> dict[str, Any]:
    report = export.report or {}
    return {
        "Id": export.id,
        "Form": export.form,
        "Kinds": export.options["kinds"],
        "Status": export.status,
        "Message": export.message,
        "Created": export.created,
        "Ended": export.ended,
        "JobId": job_about(session, KIND, export.id) if export.status == "RUNNING" else None,
        "Pictures": report.get("pictures"),
        "Bytes": report.get("bytes"),
        "Problems": report.get("problems", []),
        "Name": f"{project.name}-{export.form}-{export.created:%Y%m%d-%H%M}.zip",
    }
