"""The threshold by which a model answers over REST: told with its scores, adopted, taken back; and two models compared."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, PackageError
from walkaround.evaluation.measured import MeasuredSet, evaluation_at
from walkaround.evaluation.scorecard import as_json
from walkaround.hosting.operations.datasets.kept_drafts import forget_findings_of_model
from walkaround.hosting.operations.models.comparisons import Compared, compare_models
from walkaround.hosting.operations.models.measured import MeasuredModel, measured_model
from walkaround.hosting.operations.models.thresholds import adopt_threshold, require_trained, threshold_changes
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.models.package import read_card
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.models.measured import measured_of
from walkaround.web.rest.models.model_shapes import Comparison, NewThreshold, OperatingPoint, ThresholdChange
from walkaround.web.rest.shapes import ProjectName, Version

router = APIRouter(prefix="/projects/{project}", tags=["models"])

VersionInQuery = Annotated[str, Query(pattern=r"^([1-9][0-9]{0,9}|latest)$", description="A model version, or latest.")]


@router.get("/models/{version}/threshold")
def tell_threshold(visit: Reader, project: ProjectName, version: Version) -> OperatingPoint:
    """Tell by which threshold a model answers, what it scores there, and who changed it when."""

    def act(session: Session) -> dict[str, Any]:
        found = find_project(session, visit.owner, project)
        model = find_model(session, found, version)
        require_trained(found, model)
        scores = model.scores
        return {"model": measured_model(found, model), "scores": scores, "changes": threshold_changes(session, model)}

    told = visit.look(act)
    model: MeasuredModel = told["model"]
    scores = told["scores"]
    if model.adopted is not None:
        measured = _known(visit, model)
        places = {name: scores[name] for name in ("boxes", "masks") if name in (scores or {})}  # of their own thresholds
        scores = None if measured is None else {**scorecard_at(measured, model.adopted), **places}
    return OperatingPoint(
        threshold=model.threshold,
        trained=model.trained,
        adopted=model.adopted is not None,
        scores=scores,
        changes=[
            ThresholdChange(
                threshold=one["Threshold"], former=one["Former"], by=one["By"], note=one["Note"], created=one["Created"]
            )
            for one in told["changes"]
        ],
    )


@router.put("/models/{version}/threshold")
def change_threshold(
    visit: Changer, project: ProjectName, version: Version, new: NewThreshold, token: IdempotencyKey = None
) -> OperatingPoint:
    """Have a model answer by another threshold from now on, hosted or not, over every API; null returns to the training's.

    The package keeps its own, which counts wherever it is used outside of this server.
    """

    def look(session: Session) -> dict[str, Any]:
        found = find_project(session, visit.owner, project)
        model = find_model(session, found, version)
        require_trained(found, model)
        return {"model": measured_model(found, model)}

    model: MeasuredModel = visit.look(look)["model"]
    wanted = None if new.threshold == model.trained else new.threshold
    measured = _known(visit, model) if wanted is not None else None
    scores = None if measured is None or wanted is None else evaluation_at(measured, wanted).scores
    by_places = _goes_by_places(visit, model)

    def act(session: Session) -> dict[str, Any]:
        found = find_project(session, visit.owner, project, to_change=True)
        row = find_model(session, found, str(model.version), to_change=True)
        require_trained(found, row)
        by = (visit.caller.user or visit.caller.key_id)[:100]
        if by_places and row.threshold != wanted:  # other drafts are judged again when they are read
            forget_findings_of_model(session, row.project_id, row.version)
        return adopt_threshold(session, row, wanted, scores=scores, chosen_by=by, note=new.note)

    visit.change("change_threshold", act, token=token, project=project, version=version, new=new.model_dump())
    visit.service.pool.look_again()
    return tell_threshold(visit, project, str(model.version))


@router.get("/comparison")
def compare_two_models(visit: Reader, project: ProjectName, first: VersionInQuery, second: VersionInQuery) -> Comparison:
    """Compare two models on the test pictures that both have, picture by picture: what differs, and how sure that is."""
    compared = []
    for version in (first, second):
        model, measured = measured_of(visit, project, version)
        compared.append(Compared(model=model, measured=measured))
    return Comparison.model_validate(compare_models(*compared))


@lru_cache(maxsize=8)  # its intervals cost up to seconds
def scorecard_at(measured: MeasuredSet, threshold: float) -> dict[str, Any]:
    """The scorecard of the test pictures at another threshold."""
    return as_json(evaluation_at(measured, threshold), {"threshold": threshold, "trained_threshold": measured.threshold})


def _known(visit: Visit, model: MeasuredModel) -> MeasuredSet | None:
    """The test pictures; None where they are not known."""
    try:
        return visit.service.measured.of(model)
    except ConflictError:
        return None


def _goes_by_places(visit: Visit, model: MeasuredModel) -> bool:
    """Whether the boxes that a model tells depend on its threshold: those that it did not tell are not known."""
    try:
        return read_card(visit.service.settings.data / (model.package or "")).task == "places"
    except PackageError:  # it was removed, and drafts nothing any more
        return False
