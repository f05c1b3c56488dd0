"""The few numbers by which versions of a model are told apart in a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.hosting.operations.rows import find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Model
from walkaround.web.rest.models.training_shapes import PartName


class Score(BaseModel):
    """A score with the range in which it lies with a probability of 95 %."""

    value: float = Field(description="The score, 0 to 1.")
    low: float | None = Field(default=None, description="The lower end of the range.")
    high: float | None = Field(default=None, description="The upper end of the range.")


class ModelSummary(BaseModel):
    """What was measured of a model, in short; the whole is its evaluation."""

    tested: int = Field(description="Pictures that it was measured on.")
    finds: list[PartName] = Field(description="What it tells: the verdict, boxes, masks.")
    accuracy: Score | None = Field(default=None, description="Share of right verdicts, at the threshold of its training.")
    f1: Score | None = Field(default=None, description="F1 score of the verdicts, at the threshold of its training.")
    auroc: Score | None = Field(default=None, description="How well damaged and whole are ranked, at any threshold.")
    types: Score | None = Field(
        default=None, description="Mean F1 of the damage types (macro F1), of a model that tells each for itself."
    )
    boxes: Score | None = Field(default=None, description="Mean average precision of boxes at an overlap of a half (AP50).")
    masks: Score | None = Field(default=None, description="Mean intersection over union of masks.")


def summaries_of(session: Session, owner: Owner, project: str, models: Sequence[Mapping[str, Any]]) -> dict[str, ModelSummary]:
    """The summaries of models that have been measured, by version.

    Args:
        session: any.
        owner: whose they are.
        project: of all of them.
        models: as the AWS API describes them.
    """
    versions = [int(one["ModelVersion"]) for one in models]
    found = find_project(session, owner, project)
    query = select(Model.version, Model.scores).where(Model.project_id == found.id, Model.version.in_(versions))
    return {str(version): summary_of(scores) for version, scores in session.execute(query) if scores}


def summary_of(scores: Mapping[str, Any]) -> ModelSummary:
    """The summary of a scorecard."""
    boxes, masks = scores.get("boxes"), scores.get("masks")
    finds: list[PartName] = ["verdict"]
    finds += ["boxes"] if boxes else []
    finds += ["masks"] if masks else []
    return ModelSummary(
        tested=scores.get("n", 0),
        finds=finds,
        accuracy=_score(scores, "accuracy"),
        f1=_score(scores, "f1"),
        auroc=_score(scores, "auroc"),
        types=_score(scores["kinds"], "macro_f1") if scores.get("kinds") else None,
        boxes=_score(boxes, "ap50") if boxes else None,
        masks=_score(masks, "mean_iou") if masks else None,
    )


def _score(scores: Mapping[str, Any], name: str) -> Score | None:
    value = scores.get(name)
    if value is None:
        return None
    low, high = (scores.get("intervals") or {}).get(name) or (None, None)
    return Score(value=value, low=low, high=high)
