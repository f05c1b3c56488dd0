"""Packages that were trained elsewhere as models of a project: once each, and whole whatever is deleted at the same time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.hosting.conftest import Service

from made_models import made_package
from walkaround.hosting.jobs.leases import Lease
from walkaround.hosting.jobs.serving import DeleteModelWork
from walkaround.hosting.jobs.work import Task
from walkaround.hosting.operations.models.imported import import_package
from walkaround.models.package import Package, read_package
from walkaround.store.tables import Model


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return made_package(tmp_path_factory.mktemp("made") / "package", damage=0.8)


def imported(service: Service, package: Package) -> int:
    number = service.run(import_package, service.owner, project_name="cars", package=package, settings=service.settings)
    return int(number)


def folder_of(service: Service, version: int) -> Path:
    with service.database.reading() as session:
        return service.settings.data / session.scalars(select(Model).filter_by(version=version)).one().package  # type: ignore[operator]


def test_the_same_package_is_the_same_version(service: Service, package: Package) -> None:
    assert (imported(service, package), imported(service, package)) == (1, 1)
    assert read_package(folder_of(service, 1)).fingerprint == package.fingerprint


def test_a_process_with_a_data_folder_of_its_own_gets_the_files_too(service: Service, package: Package, tmp_path: Path) -> None:
    imported(service, package)
    other = service.settings.model_copy(update={"data": tmp_path / "other"})
    for _ in range(2):
        assert service.run(import_package, service.owner, project_name="cars", package=package, settings=other) == 1
    place = other.data / folder_of(service, 1).relative_to(service.settings.data)
    assert read_package(place).fingerprint == package.fingerprint
    assert list(place.parent.iterdir()) == [place]


def test_a_package_that_comes_again_while_its_model_is_deleted_stays(service: Service, package: Package) -> None:
    imported(service, package)
    service("delete_model", project_name="cars", model_version="1")
    assert imported(service, package) == 2
    gone = folder_of(service, 1)
    task = Task(Lease(job_id=0, kind="delete_model", subject=1, attempts=0), service.database, owner="")
    work: Any = DeleteModelWork(service.database, service.settings)
    service.run(work.run(task).write)
    assert not gone.exists()
    assert read_package(folder_of(service, 2)).fingerprint == package.fingerprint
