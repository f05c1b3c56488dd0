"""The datasets that a model is trained and tested on, and whether they are enough."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.hosting.operations.datasets import require_ready
from walkaround.hosting.operations.place_labels import boxed_pictures, require_enough_labelled
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
    query = select(Dataset).filter_by(project_id=project.id).with_for_update()
    datasets = {dataset.kind: dataset for dataset in session.scalars(query)}
    train, test = datasets.get("train"), datasets.get("test")
    if train is None:
        raise ConflictError(
            f"The project {project.name!r} has no train dataset: create it before a model.",
            resource_id=f"{project.name}/train",
            resource_type="DATASET",
        )
    for dataset in datasets.values():
        require_ready(project, dataset)
    if boxed_pictures(session, train) < LEAST_BOXED:
        _require(project, train, *(_TRAIN if test else _SINGLE), alone=test is None)
        if test:
            _require(project, test, *_TEST, alone=False)
    require_enough_labelled(session, project, train, test)
    return train, test


def _require(project: Project, dataset: Dataset, normal: int, anomaly: int, *, alone: bool) -> None:
    if dataset.normal >= normal and dataset.anomaly >= anomaly:
        return
    kind = "only dataset" if alone else f"{dataset.kind} dataset"
    raise ConflictError(
        f"The {kind} of project {project.name!r} has {dataset.normal} pictures labelled normal and {dataset.anomaly} labelled "
        f"anomaly: a model needs at least {normal} and {anomaly} there; label or add more.",
        resource_id=f"{project.name}/{dataset.kind}",
        resource_type="DATASET",
    )
