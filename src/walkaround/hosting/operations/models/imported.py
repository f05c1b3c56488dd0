"""A package that was trained elsewhere becomes a model of a project, so that what it finds has a place."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import writing
from walkaround.hosting.operations.projects import create_project
from walkaround.hosting.owner import Owner
from walkaround.models.package import CARD_FILE, MODEL_FILE, Package
from walkaround.settings import Settings
from walkaround.store.locks import lock_account
from walkaround.store.tables import Model, Project


def import_package(session: Session, owner: Owner, *, project_name: str, package: Package, settings: Settings) -> int:
    """Have a package as a model of a project, which is made where there is none; the same package is the same version.

    Another process on the database may have imported it into a data folder of its own: then the files are copied to this one.

    Args:
        session: of a transaction.
        owner: whose it is.
        project_name: the project.
        package: an opened package; its files are copied to the data folder.
        settings: of the service.

    Returns:
        The model's version.

    Raises:
        QuotaError: there are as many projects as may be.
        StorageError: the data folder cannot be written.
    """
    lock_account(session, owner.account)
    query = select(Project).filter_by(account=owner.account, region=owner.region, name=project_name)
    project = session.scalars(query).one_or_none()
    if project is None:
        create_project(session, owner, project_name=project_name, at_most=settings.projects_per_account)
        project = session.scalars(query).one()
    home = Path("models", owner.account, owner.region, project_name, "imported", package.fingerprint)
    own = select(Model).filter_by(project_id=project.id).where(Model.status != "DELETING")
    known = session.scalar(own.where(Model.package.startswith(str(home), autoescape=True)))
    if known is not None and known.package is not None:
        if not (settings.data / known.package).is_dir():
            _copy(package, settings.data / known.package)
        return known.version
    place = home / secrets.token_hex(8)  # one of its own: the job that deletes an earlier import may come any time
    _copy(package, settings.data / place)
    project.last_version += 1
    scores = package.card.scores
    session.add(
        Model(
            project_id=project.id,
            version=project.last_version,
            description=f"Imported package {package.fingerprint}",
            status="TRAINED",
            message="Imported.",
            output={"S3Location": {"Bucket": "imported", "Prefix": package.fingerprint}},
            package=str(place),
            f1=scores.get("f1"),
            recall=scores.get("recall"),
            precision=scores.get("precision"),
            scores=dict(scores) or None,
        )
    )
    session.flush()
    return project.last_version


def _copy(package: Package, to: Path) -> None:
    """Copy a package's two files into a new folder, which appears whole; one that another process has made meanwhile stays."""
    unfinished = to.with_name(f".{to.name}-{secrets.token_hex(4)}")
    with writing(to):
        try:
            unfinished.mkdir(parents=True)
            for name in (MODEL_FILE, CARD_FILE):
                shutil.copyfile(package.path / name, unfinished / name)
            try:
                unfinished.rename(to)
            except OSError:
                if not to.is_dir():
                    raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
