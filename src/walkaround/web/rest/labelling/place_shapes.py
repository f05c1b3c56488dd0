"""The shapes of the REST API for what was drawn on pictures: boxes, outlines and masks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from walkaround.web.rest.shapes import Label, Strict

Point = Annotated[list[float], Field(min_length=2, max_length=2)]
Side = Annotated[int, Field(ge=1, le=65_535)]
Ring = Annotated[list[Point], Field(min_length=3, max_length=5_000)]


class PaintedRuns(Strict):
    """What a brush painted, as COCO's run lengths: pixels down the columns, the first run outside."""

    size: Annotated[list[Side], Field(min_length=2, max_length=2, description="Height and width of the picture, upright.")]
    counts: Annotated[str, Field(min_length=1, max_length=4_000_000, description="The lengths as COCO's compressed text.")]


class DrawnPlace(Strict):
    """A place with damage: a box, its outline as one polygon or more, or an area that was painted."""

    label: Annotated[str, Field(min_length=1, max_length=100, description="The anomaly label.")]
    box: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        default=None, description="Left, top, right and bottom edge in pixels of the upright picture."
    )
    polygons: Annotated[list[Ring], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Closed rings of points, each [x, y] in pixels of the upright picture."
    )
    runs: PaintedRuns | None = Field(default=None, description="What a brush painted.")


class NewPlaces(Strict):
    """All that is to be drawn on a picture; an empty list: there is nothing."""

    places: Annotated[list[DrawnPlace], Field(max_length=500, description="The places; later ones lie over earlier ones.")]
    label: Label | None = Field(default=None, description="The picture's label; null leaves it, anomaly where it had none.")


class MaskReference(BaseModel):
    """A mask of a picture."""

    mask: str = Field(description="s3://BUCKET/KEY of the PNG.")
    colours: dict[str, str] = Field(description="Colour of each anomaly label in it, #rrggbb; all others are background.")


class PlacesOfPicture(BaseModel):
    """What was drawn on a picture of a dataset."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    label: Label | None = Field(description="What a person saw; null: unlabelled.")
    version: str = Field(description="Of the entry; changes with it.")
    places: list[DrawnPlace] = Field(description="Boxes and outlines as they were drawn.")
    masks: list[MaskReference] = Field(description="The masks that the entry has.")
