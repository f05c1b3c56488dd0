"""Trials and their pictures by name, as they are in the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import NotFoundError
from walkaround.hosting.operations.rows import find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Project
from walkaround.store.trials import Trial, TrialPicture

_AT_ONCE = 500


def find_trial(session: Session, project: Project, name: str, *, to_change: bool = False) -> Trial:
    """The trial of a name, locked where it is to be changed with all that belongs to it.

    Raises:
        NotFoundError: the project has none.
    """
    query = select(Trial).filter_by(project_id=project.id, name=name)
    trial = session.scalars(query.with_for_update() if to_change else query).one_or_none()
    if trial is None:
        raise missing(name, f"The project {project.name!r} has no trial {name!r}")
    return trial


def find_trial_picture(session: Session, owner: Owner, *, project_name: str, trial_name: str, source_ref: str) -> TrialPicture:
    """A picture of a trial.

    Raises:
        NotFoundError: there is no such project, trial, or picture in it.
    """
    names = {"project_name": project_name, "trial_name": trial_name}
    return find_trial_pictures(session, owner, **names, source_refs=[source_ref])[source_ref]


def find_trial_pictures(
    session: Session, owner: Owner, *, project_name: str, trial_name: str, source_refs: Sequence[str]
) -> dict[str, TrialPicture]:
    """Pictures of a trial by source reference.

    Raises:
        NotFoundError: there is no such project or trial, or one of the pictures is not in it.
    """
    trial = find_trial(session, find_project(session, owner, project_name), trial_name)
    found: dict[str, TrialPicture] = {}
    for start in range(0, len(source_refs), _AT_ONCE):
        some = TrialPicture.source_ref.in_(source_refs[start : start + _AT_ONCE])
        query = select(TrialPicture).where(TrialPicture.trial_id == trial.id, some)
        found |= {picture.source_ref: picture for picture in session.scalars(query)}
    for ref in source_refs:
        if ref not in found:
            raise missing(trial_name, f"The trial {trial_name!r} has no picture {ref[:300]!r}")
    return found


def missing(trial_name: str, what: str) -> NotFoundError:
    """The error for something of a trial that does not exist."""
    return NotFoundError(f"{what}: check the name.", resource_id=trial_name, resource_type="TRIAL")


def agreed() -> ColumnElement[bool]:
    """Pictures of trials of which a person says what the model says."""
    found, said = TrialPicture.anomalous, TrialPicture.verified
    return or_(and_(found.is_(True), said == ANOMALY), and_(found.is_(False), said == NORMAL))


def disagreed() -> ColumnElement[bool]:
    """Pictures of trials of which a person says something else than the model."""
    return and_(TrialPicture.anomalous.is_not(None), TrialPicture.verified.is_not(None), ~agreed())
