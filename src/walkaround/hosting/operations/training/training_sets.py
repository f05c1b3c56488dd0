"""The datasets that a model is trained and tested on, and whether they are enough."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.hosting.operations.datasets.datasets import require_ready
from walkaround.hosting.operations.datasets.place_labels import boxed_pictures, require_enough_labelled
from walkaround.store.tables import Dataset, Project

_SINGLE = (20, 10)
_TRAIN = (10, 0)
_TEST = (10, 10)
"""Pictures that must be labelled normal and anomaly."""
LEAST_BOXED = 20
"""Pictures with boxes from which on a training dataset needs no normal ones: the model goes by its boxes then."""


def training_sets(session: Session, project: Project) -> tuple[Dataset, Dataset | None]:
    """The training dataset, and the test dataset; without one, the service splits the training dataset itself.

    Raises:
        ConflictError: there is no training dataset, one is not ready, or one is too small, also for an anomaly label.
    """
    train, test = datasets_of(session, project, to_change=True)
    for lack in shortfalls(session, project, train, test):
        raise lack
    assert train is not None  # noqa: S101 - it would have been the first thing to lack
    return train, test


def datasets_of(session: Session, project: Project, *, to_change: bool = False) -> tuple[Dataset | None, Dataset | None]:
    """The training dataset and the test dataset of a project, where it has them."""
    query = select(Dataset).filter_by(project_id=project.id)
    found = session.scalars(query.with_for_update() if to_change else query)
    datasets = {dataset.kind: dataset for dataset in found}
    return datasets.get("train"), datasets.get("test")


def shortfalls(session: Session, project: Project, train: Dataset | None, test: Dataset | None) -> Iterator[ConflictError]:
    """Everything that the datasets of a project lack to be trained on, each with what to do, the first first."""
    if train is None:
        yield ConflictError(
            f"The project {project.name!r} has no train dataset: create it before a model.",
            resource_id=f"{project.name}/train",
            resource_type="DATASET",
        )
        return
    unready = False
    for dataset in (train, test):
        try:
            if dataset is not None:
                require_ready(project, dataset)
        except ConflictError as lack:
            unready = True
            yield lack
    if unready:
        return
    if boxed_pictures(session, train) < LEAST_BOXED:
        yield from _few(project, train, *(_TRAIN if test else _SINGLE), alone=test is None)
        if test:
            yield from _few(project, test, *_TEST, alone=False)
    try:
        require_enough_labelled(session, project, train, test)
    except ConflictError as lack:
        yield lack


def _few(project: Project, dataset: Dataset, normal: int, anomaly: int, *, alone: bool) -> Iterator[ConflictError]:
    if dataset.normal >= normal and dataset.anomaly >= anomaly:
        return
    kind = "only dataset" if alone else f"{dataset.kind} dataset"
    yield ConflictError(
        f"The {kind} of project {project.name!r} has {dataset.normal} pictures labelled normal and {dataset.anomaly} labelled "
        f"anomaly: a model needs at least {normal} and {anomaly} there; label or add more.",
        resource_id=f"{project.name}/{dataset.kind}",
        resource_type="DATASET",
    )
