"""The threshold that counts for a model: its package's own, or one that a person adopted; who chose which when is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.evaluation.scores import Scores
from walkaround.hosting.operations.models.models import TRAINED
from walkaround.hosting.operations.rows import Reply
from walkaround.store.tables import Model, Project, Threshold

TOLD = 100
"""Changes that are told, the newest."""


def require_trained(project: Project, model: Model) -> None:
    """Return if there is a model that answers by a threshold.

    Raises:
        ConflictError: it is not trained.
    """
    if model.status not in TRAINED:
        raise ConflictError(
            f"Model {model.version} of project {project.name!r} has no threshold: its status is {model.status}.",
            resource_id=f"{project.name}/{model.version}",
            resource_type="MODEL",
        )


def adopt_threshold(
    session: Session, model: Model, threshold: float | None, *, scores: Scores | None, chosen_by: str, note: str
) -> Reply:
    """Have a model answer by another threshold from now on, and write down who wanted that.

    Its precision, recall and F1 become those of the test pictures at that threshold, or unknown where no test pictures are.
    Adopting what counts already changes nothing.

    Args:
        session: of a transaction that holds the model's row.
        model: trained.
        threshold: probability of damage; None: the package's own again.
        scores: at that threshold; None: they are not known.
        chosen_by: who.
        note: why.
    """
    if model.threshold != threshold:
        session.add(Threshold(model_id=model.id, threshold=threshold, former=model.threshold, chosen_by=chosen_by, note=note))
        model.threshold = threshold
        model.f1, model.recall, model.precision = _told(model.scores if threshold is None else scores)
        session.flush()
    return {"Threshold": model.threshold}


def _told(scores: Scores | Mapping[str, Any] | None) -> tuple[float | None, float | None, float | None]:
    """F1, recall and precision as a model's row has them: unknown without scores, and 0 where they are undefined."""
    if scores is None:
        return None, None, None
    told = scores if isinstance(scores, Mapping) else vars(scores)
    return told.get("f1") or 0.0, told.get("recall") or 0.0, told.get("precision") or 0.0


def threshold_changes(session: Session, model: Model) -> list[Reply]:
    """The last changes of a model's threshold, the newest first."""
    query = select(Threshold).filter_by(model_id=model.id).order_by(Threshold.id.desc()).limit(TOLD)
    return [
        {"Threshold": one.threshold, "Former": one.former, "By": one.chosen_by, "Note": one.note, "Created": one.created}
        for one in session.scalars(query)
    ]
